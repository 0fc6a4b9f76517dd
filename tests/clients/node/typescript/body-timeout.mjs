// region body-timeout
import Anthropic from "@anthropic-ai/sdk";
import { Agent } from "undici";

const client = new Anthropic({ fetchOptions: { dispatcher: new Agent({ bodyTimeout: 300 }) } });
// endregion
import { described, print } from "../print.mjs";

const stream = client.messages.stream({
  model: "claude-sonnet-4-6",
  max_tokens: 1024,
  messages: [{ role: "user", content: "Say hello." }],
});
stream.on("text", (text) => print({ text }));
try {
  print({ answer: await stream.finalText() });
} catch (error) {
  print({ error: described(error), is_api_error: error instanceof Anthropic.APIError });
}
