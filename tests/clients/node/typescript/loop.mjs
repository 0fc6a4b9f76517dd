// region naive
import { setTimeout as sleep } from "node:timers/promises";
import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic();
const pause = Number(process.argv[2] ?? 20);

/** Show a text as if it were typed. */
const show = async (text) => {
  console.log(JSON.stringify({ text }));
  await sleep(pause);
};

async function ask(params) {
  const stream = client.messages.stream(params);
  let answer = "";
  for await (const event of stream) {
    if (event.type === "content_block_delta" && event.delta.type === "text_delta") {
      answer += event.delta.text;
      await show(event.delta.text);
    }
  }
  return answer;
}
// endregion
import { described, print } from "../print.mjs";

try {
  const messages = [{ role: "user", content: "Say hello." }];
  print({ answer: await ask({ model: "claude-sonnet-4-6", max_tokens: 1024, messages }) });
} catch (error) {
  print({ error: described(error) });
}
