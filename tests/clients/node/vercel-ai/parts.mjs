import { createAnthropic } from "@ai-sdk/anthropic";
import { streamText } from "ai";
import { described, print } from "../print.mjs";

const anthropic = createAnthropic({ baseURL: `${process.env.ANTHROPIC_BASE_URL}/v1` });
const options = JSON.parse(process.argv[2] ?? "{}");

const result = streamText({
  model: anthropic("claude-sonnet-4-6"),
  prompt: "Say hello.",
  onError: ({ error }) => print({ on_error: described(error) }),
  onFinish: ({ finishReason }) => print({ on_finish: finishReason }),
  onAbort: () => print({ on_abort: true }),
  ...options,
});
try {
  for await (const part of result.fullStream) {
    print({ part: part.type });
    if (part.type === "text-delta") print({ text: part.text });
    if (part.type === "error") print({ error: described(part.error) });
    if (part.type === "finish") print({ end: { stop_reason: part.finishReason } });
  }
} catch (error) {
  print({ thrown: described(error) });
}
for (const name of ["text", "finishReason"]) {
  try {
    print({ [name]: await result[name] });
  } catch (error) {
    print({ [`${name}_rejects`]: described(error) });
  }
}
