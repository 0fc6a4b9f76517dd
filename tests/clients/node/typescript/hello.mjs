// region connect
import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({ baseURL: process.env.ANTHROPIC_BASE_URL, apiKey: "any" });
// endregion
import { print } from "../print.mjs";

const messages = [{ role: "user", content: "Say hello." }];
print({ answer: await client.messages.stream({ model: "claude-sonnet-4-6", max_tokens: 1024, messages }).finalText() });
