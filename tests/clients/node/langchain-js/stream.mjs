// region connect
import { ChatAnthropic } from "@langchain/anthropic";

const model = new ChatAnthropic({ model: "claude-sonnet-4-6", anthropicApiUrl: process.env.ANTHROPIC_BASE_URL, apiKey: "any" });
// endregion
import { described } from "../print.mjs";

// region naive
import { concat } from "@langchain/core/utils/stream";

const print = (line) => console.log(JSON.stringify(line));

async function ask(question) {
  let answer;
  for await (const chunk of await model.stream(question)) {
    print({ text: chunk.text });
    answer = answer ? concat(answer, chunk) : chunk;
  }
  return answer.text;
}
// endregion

try {
  print({ answer: await ask("Say hello.") });
} catch (error) {
  print({ error: described(error) });
}
