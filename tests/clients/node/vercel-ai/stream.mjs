// region connect
import { createAnthropic } from "@ai-sdk/anthropic";
import { streamText } from "ai";

const anthropic = createAnthropic({ baseURL: `${process.env.ANTHROPIC_BASE_URL}/v1`, apiKey: "any" });
// endregion
import { described } from "../print.mjs";

// region naive
const print = (line) => console.log(JSON.stringify(line));

async function ask(prompt) {
  const result = streamText({ model: anthropic("claude-sonnet-4-6"), prompt });
  let answer = "";
  for await (const text of result.textStream) {
    print({ text });
    answer += text;
  }
  return answer;
}
// endregion

try {
  print({ answer: await ask("Say hello.") });
} catch (error) {
  print({ error: described(error) });
}
