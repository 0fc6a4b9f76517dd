// region fixed
import { ChatAnthropic } from "@langchain/anthropic";
import { concat } from "@langchain/core/utils/stream";

const model = new ChatAnthropic({ model: "claude-sonnet-4-6" });
const idle = Number(process.argv[2] ?? 30_000);
const print = (line) => console.log(JSON.stringify(line));

/** Return the whole answer. Raises if it breaks off, stops too early, or falls silent. */
async function whole(question) {
  const controller = new AbortController();
  let timer;
  const watch = () => {
    clearTimeout(timer);
    timer = setTimeout(() => controller.abort(new Error(`nothing came for ${idle} ms`)), idle);
  };
  let answer;
  try {
    watch();
    for await (const chunk of await model.stream(question, { signal: controller.signal })) {
      watch();
      if (chunk.text) print({ text: chunk.text });
      answer = answer ? concat(answer, chunk) : chunk;
    }
  } finally {
    clearTimeout(timer);
  }
  controller.signal.throwIfAborted();
  if (!answer?.additional_kwargs.stop_reason) throw new Error("the answer stopped too early"); // its tool_calls are not whole
  return answer;
}

/** Ask again when an answer broke off: LangChain does that only before the stream has begun. */
async function ask(question, tries = 3) {
  for (;;) {
    try {
      return await whole(question);
    } catch (error) {
      if (error.status || --tries === 0) throw error; // tried again already
      print({ again: error.message }); // what was shown is void
    }
  }
}
// endregion
import { described } from "../print.mjs";

try {
  print({ answer: (await ask("Say hello.")).text });
} catch (error) {
  print({ error: described(error) });
}
