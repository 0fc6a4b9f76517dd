import { ChatAnthropic } from "@langchain/anthropic";
import { concat } from "@langchain/core/utils/stream";
import { described, print } from "../print.mjs";

const model = new ChatAnthropic({ model: "claude-sonnet-4-6", ...JSON.parse(process.argv[2] ?? "{}") });
print({ max_retries: model.caller.maxRetries });

try {
  let answer;
  for await (const chunk of await model.stream("Say hello.")) {
    if (chunk.text) print({ text: chunk.text });
    answer = answer ? concat(answer, chunk) : chunk;
  }
  print({ usage: answer.usage_metadata, end: { stop_reason: answer.additional_kwargs.stop_reason ?? null } });
} catch (error) {
  print({ error: described(error) });
}
