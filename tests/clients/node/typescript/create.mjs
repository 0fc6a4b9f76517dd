import Anthropic from "@anthropic-ai/sdk";
import { described, print } from "../print.mjs";

const client = new Anthropic(JSON.parse(process.argv[2] ?? "{}"));

try {
  const stream = await client.messages.create({
    model: "claude-sonnet-4-6",
    max_tokens: 1024,
    messages: [{ role: "user", content: "Say hello." }],
    stream: true,
  });
  let stopReason = null;
  for await (const event of stream) {
    print({ event: event.type });
    if (event.type === "content_block_delta" && event.delta.type === "text_delta") print({ text: event.delta.text });
    if (event.type === "message_delta") stopReason = event.delta.stop_reason;
  }
  print({ end: { stop_reason: stopReason } });
} catch (error) {
  print({ error: described(error), is_api_error: error instanceof Anthropic.APIError });
}
