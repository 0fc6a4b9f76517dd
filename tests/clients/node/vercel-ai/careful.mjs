// region fixed
import { createAnthropic } from "@ai-sdk/anthropic";
import { streamText } from "ai";

const anthropic = createAnthropic({ baseURL: `${process.env.ANTHROPIC_BASE_URL}/v1` });
const idle = Number(process.argv[2] ?? 30_000);
const print = (line) => console.log(JSON.stringify(line));

/** Return the whole answer. Raises if it breaks off, stops too early, or falls silent. */
async function whole(prompt) {
  const result = streamText({
    model: anthropic("claude-sonnet-4-6"),
    prompt,
    timeout: { firstChunkMs: idle, chunkMs: idle }, // there is none otherwise
    onError: () => {}, // it is raised below
  });
  for await (const part of result.fullStream) {
    if (part.type === "text-delta") print({ text: part.text });
    if (part.type !== "error") continue; // textStream leaves it out
    throw part.error instanceof Error ? part.error : new Error(String(part.error)); // which may be a text
  }
  const reason = await result.finishReason; // rejects when the time was over
  if (!["stop", "length", "tool-calls"].includes(reason)) throw new Error(`the answer ended as ${reason}`);
  return await result.text;
}

/** Ask again when an answer broke off: the AI SDK does that only before the stream has begun. */
async function ask(prompt, tries = 3) {
  for (;;) {
    try {
      return await whole(prompt);
    } catch (error) {
      const isRefusal = error.name === "AI_RetryError" || error.isRetryable === false; // tried again already, or in vain
      if (isRefusal || --tries === 0) throw error;
      print({ again: error.message }); // what was shown is void
    }
  }
}
// endregion
import { described } from "../print.mjs";

try {
  print({ answer: await ask("Say hello.") });
} catch (error) {
  print({ error: described(error) });
}
