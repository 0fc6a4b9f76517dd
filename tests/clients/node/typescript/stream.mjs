import Anthropic from "@anthropic-ai/sdk";
import { described, print } from "../print.mjs";

const client = new Anthropic(JSON.parse(process.argv[2] ?? "{}"));

const stream = client.messages.stream({
  model: "claude-sonnet-4-6",
  max_tokens: 1024,
  messages: [{ role: "user", content: "Say hello." }],
});
stream.on("streamEvent", (event) => print({ event: event.type }));
stream.on("text", (text) => print({ text }));
stream.on("thinking", (thinking) => print({ thinking }));
stream.on("contentBlock", (block) => print({ block: block.type }));
for (const name of ["connect", "message", "finalMessage", "error", "abort", "end"]) stream.on(name, () => print({ on: name }));
try {
  const message = await stream.finalMessage();
  print({ message, end: { stop_reason: message.stop_reason } });
} catch (error) {
  print({ error: described(error), is_api_error: error instanceof Anthropic.APIError });
}
