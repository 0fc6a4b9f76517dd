import { anthropic } from "@ai-sdk/anthropic";
import { streamText } from "ai";
import { described, print } from "../print.mjs";

const result = streamText({
  model: anthropic("claude-sonnet-4-6"),
  prompt: "Say hello.",
  onError: ({ error }) => print({ error: described(error) }),
});
for await (const text of result.textStream) print({ text });
