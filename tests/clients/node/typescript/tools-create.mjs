import Anthropic from "@anthropic-ai/sdk";
import { described, print } from "../print.mjs";

const client = new Anthropic();

try {
  const stream = await client.messages.create({
    model: "claude-sonnet-4-6",
    max_tokens: 1024,
    tools: [{ name: "get_weather", input_schema: { type: "object", properties: { location: { type: "string" } } } }],
    messages: [{ role: "user", content: "What is the weather in San Francisco?" }],
    stream: true,
  });
  let json = "";
  let stopReason = null;
  for await (const event of stream) {
    if (event.type === "content_block_delta" && event.delta.type === "input_json_delta") json += event.delta.partial_json;
    if (event.type === "content_block_stop" && json) print({ ran: JSON.parse(json) });
    if (event.type === "message_delta") stopReason = event.delta.stop_reason;
  }
  print({ json, end: { stop_reason: stopReason } });
} catch (error) {
  print({ error: described(error), is_api_error: error instanceof Anthropic.APIError });
}
