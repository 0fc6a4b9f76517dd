import { createAnthropic } from "@ai-sdk/anthropic";
import { streamText } from "ai";
import { described, print } from "../print.mjs";

const anthropic = createAnthropic({ baseURL: `${process.env.ANTHROPIC_BASE_URL}/v1` });
const options = JSON.parse(process.argv[2] ?? "{}");

const result = streamText({ model: anthropic("claude-sonnet-4-6"), prompt: "Say hello.", onError: () => {}, ...options });
try {
  for await (const text of result.textStream) print({ text });
  print({ loop: "ended" });
} catch (error) {
  print({ error: described(error) });
}
try {
  print({ end: { stop_reason: await result.finishReason }, usage: await result.usage });
} catch (error) {
  print({ rejected: described(error) });
}
