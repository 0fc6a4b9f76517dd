import { once } from "node:events";
import { createServer } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import Anthropic from "@anthropic-ai/sdk";
import { MessageStream } from "@anthropic-ai/sdk/lib/MessageStream";
import { described, print } from "../print.mjs";

const way = process.argv[2];
const client = new Anthropic();

const server = createServer(async (_request, response) => {
  const stream = client.messages.stream({
    model: "claude-sonnet-4-6",
    max_tokens: 1024,
    messages: [{ role: "user", content: "Say hello." }],
  });
  try {
    await pipeline(Readable.fromWeb(stream.toReadableStream()), response);
    print({ server: "done" });
  } catch (error) {
    print({ server: described(error) });
  }
});
server.listen(0, "127.0.0.1");
await once(server, "listening");

const controller = new AbortController();
const response = await fetch(`http://127.0.0.1:${server.address().port}`, { signal: controller.signal });
const stream = MessageStream.fromReadableStream(response.body);
stream.on("text", (text) => {
  print({ text });
  if (text.includes("three") && way === "signal") controller.abort();
  if (text.includes("three") && way === "abort") stream.abort();
});
try {
  const message = await stream.finalMessage();
  print({ message, end: { stop_reason: message.stop_reason } });
} catch (error) {
  print({ error: described(error), is_api_error: error instanceof Anthropic.APIError });
}
server.close();
