import { createAnthropic } from "@ai-sdk/anthropic";
import { stepCountIs, streamText, tool } from "ai";
import { z } from "zod";
import { described, print } from "../print.mjs";

const anthropic = createAnthropic({ baseURL: `${process.env.ANTHROPIC_BASE_URL}/v1` });

const result = streamText({
  model: anthropic("claude-sonnet-4-6"),
  prompt: "What is the weather in San Francisco?",
  tools: {
    get_weather: tool({
      description: "Return the weather of a place.",
      inputSchema: z.object({ location: z.string() }),
      execute: async (input) => {
        print({ ran: input });
        return `18 degrees and sunny in ${input.location}`;
      },
    }),
  },
  stopWhen: stepCountIs(5),
  onError: ({ error }) => print({ on_error: described(error) }),
});
try {
  for await (const part of result.fullStream) {
    print({ part: part.type });
    if (part.type === "text-delta") print({ text: part.text });
    if (part.type === "tool-input-delta") print({ input_json: part.delta });
    if (part.type === "tool-call") print({ call: part.input });
    if (part.type === "finish-step") print({ step: part.finishReason });
    if (part.type === "finish") print({ end: { stop_reason: part.finishReason } });
  }
} catch (error) {
  print({ error: described(error) });
}
