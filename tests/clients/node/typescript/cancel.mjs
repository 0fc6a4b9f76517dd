import Anthropic from "@anthropic-ai/sdk";
import { described, print } from "../print.mjs";

const client = new Anthropic();
const params = { model: "claude-sonnet-4-6", max_tokens: 1024, messages: [{ role: "user", content: "Count." }] };

/** Print the text of an event; return whether it is the one after which the user has seen enough. */
const isEnough = (event) => {
  const text = event.type === "content_block_delta" ? event.delta.text : "";
  if (text) print({ text });
  return text.includes("three");
};

const ways = {
  async abort() {
    const stream = client.messages.stream(params);
    for (const name of ["error", "abort", "end"]) stream.on(name, () => print({ on: name }));
    stream.on("streamEvent", (event) => isEnough(event) && stream.abort());
    await stream.finalMessage();
  },
  async stream_signal() {
    const controller = new AbortController();
    const stream = client.messages.stream(params, { signal: controller.signal });
    stream.on("streamEvent", (event) => isEnough(event) && controller.abort());
    await stream.finalMessage();
  },
  async stream_break() {
    for await (const event of client.messages.stream(params)) if (isEnough(event)) break;
  },
  async create_signal() {
    const controller = new AbortController();
    const stream = await client.messages.create({ ...params, stream: true }, { signal: controller.signal });
    for await (const event of stream) if (isEnough(event)) controller.abort();
  },
  async create_controller() {
    const stream = await client.messages.create({ ...params, stream: true });
    for await (const event of stream) if (isEnough(event)) stream.controller.abort();
  },
  async create_break() {
    const stream = await client.messages.create({ ...params, stream: true });
    for await (const event of stream) if (isEnough(event)) break;
  },
};

try {
  await ways[process.argv[2]]();
  print({ end: {} });
} catch (error) {
  print({ error: described(error), is_api_error: error instanceof Anthropic.APIError });
}
