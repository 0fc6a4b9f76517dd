import { ChatAnthropic } from "@langchain/anthropic";
import { described, print } from "../print.mjs";

const model = new ChatAnthropic({ model: "claude-sonnet-4-6" });
const way = process.argv[2];
const controller = new AbortController();

try {
  for await (const chunk of await model.stream("Count.", { signal: controller.signal })) {
    if (chunk.text) print({ text: chunk.text });
    if (chunk.text.includes("three") && way === "signal") controller.abort();
    if (chunk.text.includes("three") && way === "break") break;
  }
  print({ end: {} });
} catch (error) {
  print({ error: described(error) });
}
