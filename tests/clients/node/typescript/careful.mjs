// region fixed
import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic();
const idle = Number(process.argv[2] ?? 30_000);
const print = (line) => console.log(JSON.stringify(line));

/** Return the whole message. Raises an AnthropicError if it breaks off, stops too early, or falls silent. */
async function whole(params) {
  const stream = client.messages.stream(params);
  stream.on("text", (text) => print({ text }));
  let timer;
  const watch = () => {
    clearTimeout(timer);
    timer = setTimeout(() => stream.abort(), idle); // the SDK's `timeout` is over when the head has come
  };
  stream.on("connect", watch);
  stream.on("streamEvent", watch);
  try {
    return await stream.finalMessage(); // raises what a loop over the events may miss, and if there was no message_stop
  } finally {
    clearTimeout(timer);
  }
}

/** Ask again when an answer broke off: the SDK does that only before the stream has begun. */
async function ask(params, tries = 3) {
  for (;;) {
    try {
      return await whole(params);
    } catch (error) {
      if (!(error instanceof Anthropic.AnthropicError) || error.status || --tries === 0) throw error; // tried again already
      print({ again: error.message }); // what was shown is void
    }
  }
}
// endregion
import { described } from "../print.mjs";

try {
  const message = await ask({
    model: "claude-sonnet-4-6",
    max_tokens: 1024,
    messages: [{ role: "user", content: "Say hello." }],
  });
  print({ answer: message.content[0].text });
} catch (error) {
  print({ error: described(error), is_api_error: error instanceof Anthropic.APIError });
}
