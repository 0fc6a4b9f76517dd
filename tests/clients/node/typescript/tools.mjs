import Anthropic from "@anthropic-ai/sdk";
import { described, print } from "../print.mjs";

const client = new Anthropic();
const tools = [
  {
    name: "get_weather",
    description: "Return the weather of a place.",
    input_schema: { type: "object", properties: { location: { type: "string" } }, required: ["location"] },
  },
];
const weather = (input) => {
  print({ ran: input });
  return `18 degrees and sunny in ${input.location}`;
};

const messages = [{ role: "user", content: "What is the weather in San Francisco?" }];
try {
  for (;;) {
    const stream = client.messages.stream({ model: "claude-sonnet-4-6", max_tokens: 1024, tools, messages });
    stream.on("text", (text) => print({ text }));
    stream.on("inputJson", (piece) => print({ input_json: piece }));
    const message = await stream.finalMessage();
    print({ end: { stop_reason: message.stop_reason } });
    if (message.stop_reason !== "tool_use") break;
    const calls = message.content.filter((block) => block.type === "tool_use");
    const results = calls.map(({ id, input }) => ({ type: "tool_result", tool_use_id: id, content: weather(input) }));
    messages.push({ role: "assistant", content: message.content }, { role: "user", content: results });
  }
} catch (error) {
  print({ error: described(error), is_api_error: error instanceof Anthropic.APIError });
}
