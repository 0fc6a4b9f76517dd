import { createAnthropic } from "@ai-sdk/anthropic";
import { streamText } from "ai";
import { described, print } from "../print.mjs";

const anthropic = createAnthropic({ baseURL: `${process.env.ANTHROPIC_BASE_URL}/v1` });
const way = process.argv[2];
const controller = new AbortController();

const result = streamText({
  model: anthropic("claude-sonnet-4-6"),
  prompt: "Count.",
  abortSignal: controller.signal,
  onError: () => {},
  onAbort: () => print({ on: "abort" }),
});
try {
  for await (const text of result.textStream) {
    print({ text });
    if (text.includes("three") && way === "signal") controller.abort();
    if (text.includes("three") && way === "break") break;
  }
  print({ end: {} });
} catch (error) {
  print({ error: described(error) });
}
