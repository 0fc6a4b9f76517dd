// region careful
import Anthropic from "@anthropic-ai/sdk";

const claude = new Anthropic();
const DEADLINE = Number(process.env.DEADLINE_MS ?? 60_000);

export async function POST(request: Request): Promise<Response> {
  const { message } = await request.json();
  const stream = claude.messages.stream(
    {
      model: "claude-sonnet-4-6",
      max_tokens: 1024,
      messages: [{ role: "user", content: message }],
    },
    { signal: AbortSignal.timeout(DEADLINE) }, // the SDK's own timeout ends when the stream begins
  );
  const encoder = new TextEncoder();
  let left = false;
  const body = new ReadableStream({
    async start(controller) {
      const send = (data: string) => controller.enqueue(encoder.encode(`data: ${data}\n\n`));
      try {
        for await (const event of stream) {
          if (event.type === "content_block_delta" && event.delta.type === "text_delta") {
            send(JSON.stringify({ text: event.delta.text }));
          }
        }
        await stream.finalMessage();
        send("[DONE]");
      } catch (error) {
        if (left) return;
        send(JSON.stringify({ error: (error instanceof Anthropic.APIError && error.type) || "broken_off" }));
      }
      controller.close();
    },
    cancel() {
      left = true;
      stream.abort();
    },
  });
  return new Response(body, {
    headers: {
      "content-type": "text/event-stream",
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
    },
  });
}
// endregion
