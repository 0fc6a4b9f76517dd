// region resume
import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic();

/** Return the whole answer; where it breaks off, the next request carries what has come as the assistant's turn. */
async function resume(question, tries = 3) {
  let heard = "";
  for (;;) {
    const messages = [{ role: "user", content: question }];
    if (heard) messages.push({ role: "assistant", content: heard });
    const stream = client.messages.stream({ model: "claude-sonnet-4-6", max_tokens: 1024, messages });
    stream.on("text", (text) => (heard += text));
    try {
      await stream.finalMessage();
      return heard;
    } catch (error) {
      if (!(error instanceof Anthropic.AnthropicError) || error.status || --tries === 0) throw error; // tried again already
      heard = heard.trimEnd(); // the API refuses a last turn that ends in white space
    }
  }
}
// endregion
import { described, print } from "../print.mjs";

try {
  print({ answer: await resume("Count.") });
} catch (error) {
  print({ error: described(error) });
}
