/** A page that asks the chat server, and shows the answer as it comes. */

import { createRoot } from "react-dom/client";

// region hook
import { useRef, useState } from "react";
import { frames } from "./frames";

type State = "idle" | "streaming" | "done" | "cancelled" | "failed";

function useStream(url: string) {
  const [text, setText] = useState("");
  const [state, setState] = useState<State>("idle");
  const controller = useRef<AbortController>(undefined);

  async function ask(message: string) {
    const abort = (controller.current = new AbortController());
    setText("");
    setState("streaming");
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ message }),
        signal: abort.signal,
      });
      if (!response.ok) throw new Error(`status ${response.status}`);
      for await (const data of frames(response.body!)) {
        if (data === "[DONE]") return setState("done");
        const frame = JSON.parse(data);
        if (frame.error) throw new Error(frame.error);
        setText((shown) => shown + frame.text);
      }
      throw new Error("the answer is not whole"); // no [DONE] came
    } catch {
      setState(abort.signal.aborted ? "cancelled" : "failed");
    }
  }

  return { text, state, ask, cancel: () => controller.current?.abort() };
}
// endregion

function Chat() {
  const endpoint = new URLSearchParams(location.search).get("endpoint") ?? "/chat";
  const { text, state, ask, cancel } = useStream(endpoint);
  return (
    <main>
      <button id="ask" onClick={() => ask("Hello")}>
        Ask
      </button>
      <button id="cancel" onClick={cancel} disabled={state !== "streaming"}>
        Cancel
      </button>
      <p id="state">{state}</p>
      <p id="text">{text}</p>
    </main>
  );
}

createRoot(document.getElementById("root")!).render(<Chat />);
