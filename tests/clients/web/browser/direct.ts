/** A page that talks to the API itself: with fetch, and with the SDK. */

import Anthropic from "@anthropic-ai/sdk";
import { frames, naiveFrames } from "./frames";

const QUESTION: Anthropic.MessageCreateParamsNonStreaming = {
  model: "claude-sonnet-4-6",
  max_tokens: 1024,
  messages: [{ role: "user", content: "Hello" }],
  tools: [{ name: "get_weather", input_schema: { type: "object", properties: { location: { type: "string" } } } }],
};

const READERS = { naive: naiveFrames, buffered: frames };

let controller: AbortController;

function show(name: string, value: string) {
  document.getElementById(name)!.textContent = value;
}

/** Ask with fetch; return the text, how many frames could not be read, the last event, a header, and what was thrown. */
async function askWithFetch(url: string, reader: keyof typeof READERS) {
  controller = new AbortController();
  let text = "";
  let last = "";
  let unreadable = 0;
  let requestId: string | null = null;
  let status = 0;
  try {
    const response = await fetch(`${url}/v1/messages`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "anthropic-version": "2023-06-01",
        "anthropic-dangerous-direct-browser-access": "true",
        "x-api-key": "any",
      },
      body: JSON.stringify({ ...QUESTION, stream: true }),
      signal: controller.signal,
    });
    status = response.status;
    requestId = response.headers.get("request-id");
    for await (const data of READERS[reader](response.body!)) {
      try {
        const event = JSON.parse(data);
        last = event.type;
        if (event.type === "content_block_delta") text += event.delta.text ?? event.delta.partial_json;
        show("text", text);
      } catch {
        unreadable += 1;
      }
    }
    return { text, unreadable, last, status, requestId, thrown: null };
  } catch (error) {
    return { text, unreadable, last, status, requestId, thrown: `${error}` };
  }
}

/** Return what kind of error this is; the names of classes do not survive the bundler. */
function kind(error: unknown): string {
  for (const name of ["APIUserAbortError", "APIConnectionError", "APIError", "AnthropicError"] as const) {
    if (error instanceof Anthropic[name]) return name;
  }
  return (error as Error).name;
}

/** Ask with the SDK; return the text, the input of a tool, the stop reason, and what was thrown. */
async function askWithSdk(baseURL: string, options: object = {}) {
  controller = new AbortController();
  let text = "";
  try {
    // region sdk
    const client = new Anthropic({ baseURL, apiKey: "any", dangerouslyAllowBrowser: true, ...options });
    const stream = client.messages.stream(QUESTION, { signal: controller.signal });
    stream.on("text", (piece) => show("text", (text += piece)));
    const message = await stream.finalMessage();
    // endregion
    const tool = message.content.find((block) => block.type === "tool_use");
    return { text, input: tool?.input ?? null, stop: message.stop_reason, thrown: null };
  } catch (error) {
    const thrown = kind(error) + ": " + (error as Error).message;
    return { text, input: null, stop: null, thrown };
  }
}

Object.assign(window, { askWithFetch, askWithSdk, cancel: () => controller.abort() });
