import { ChatAnthropic } from "@langchain/anthropic";
import { HumanMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { concat } from "@langchain/core/utils/stream";
import { z } from "zod";
import { described, print } from "../print.mjs";

const getWeather = tool(
  async (input) => {
    print({ ran: input });
    return `18 degrees and sunny in ${input.location}`;
  },
  {
    name: "get_weather",
    description: "Return the weather of a place.",
    schema: z.object({ location: z.string() }),
  },
);

try {
  const model = new ChatAnthropic({ model: "claude-sonnet-4-6" }).bindTools([getWeather]);
  const messages = [new HumanMessage("What is the weather in San Francisco?")];
  for (;;) {
    let answer;
    for await (const chunk of await model.stream(messages)) {
      if (chunk.text) print({ text: chunk.text });
      for (const piece of chunk.tool_call_chunks ?? []) print({ input_json: piece.args });
      answer = answer ? concat(answer, chunk) : chunk;
    }
    print({ calls: answer.tool_calls, end: { stop_reason: answer.additional_kwargs.stop_reason ?? null } });
    if (!answer.tool_calls.length) break;
    messages.push(answer);
    for (const call of answer.tool_calls) messages.push(await getWeather.invoke(call));
  }
} catch (error) {
  print({ error: described(error) });
}
