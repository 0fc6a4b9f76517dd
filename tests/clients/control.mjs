// A test of another language: the base URL of a running `streamlab serve` is its argument.
import assert from "node:assert";
import test from "node:test";

// region lab
const server = process.env.STREAMLAB_URL ?? "http://127.0.0.1:4010";
const token = process.env.STREAMLAB_CONTROL_TOKEN;

async function control(base, method, path, body) {
  const headers = { "content-type": "application/json", ...(token && { "x-streamlab-token": token }) };
  const answer = await fetch(`${base}/_streamlab/${path}`, { method, headers, body: body && JSON.stringify(body) });
  const told = await answer.json();
  if (!answer.ok) throw new Error(`${told.error.message} (${told.error.hint ?? ""})`);
  return told;
}

async function lab() {
  const { path } = await control(server, "POST", "namespaces");
  const url = server + path;
  return { url, ask: (method, path, body) => control(url, method, path, body) };
}
// endregion

// region test
test("backs off and asks again", async () => {
  const { url, ask } = await lab();
  await ask("PUT", "rules", {
    replies: [{ error: "overloaded", times: 2 }, "Fine now."],
    then: "fail",
    required: true,
  });

  assert.equal(await greet(url), "Fine now."); // your code

  const { calls } = await ask("GET", "journal?ended=3&wait=5");
  assert.deepEqual(calls.map((call) => call.status), [529, 529, 200]);
  assert.equal(calls[0].request.last_user, "Say hello.");
  assert.deepEqual((await ask("GET", "verify")).problems, []);
  await ask("DELETE", "namespace");
});
// endregion

// region clock
test("an hour of silence takes no time", async () => {
  const { url, ask } = await lab();
  await ask("PUT", "rules", { reply: { text: "One two three.", faults: [{ stall: "1h", after: "delta 1" }] } });
  await ask("POST", "clock", { auto: true });
  assert.match(await streamed(url), /three/);
  await ask("DELETE", "namespace");
});
// endregion

test("what is wrong is said", async () => {
  const { ask } = await lab();
  await assert.rejects(ask("PUT", "rules", { reply: { text: "a", fault: [] } }), /has no key 'fault' \(did you mean 'faults'/);
  await assert.rejects(ask("POST", "clock", { advance: 1 }), /the clock goes by itself/);
});

test("a refused request is a failed fetch, and control goes on", async () => {
  const { url, ask } = await lab();
  await ask("PUT", "rules", { reply: "Fine now." });
  await ask("POST", "refuse", { times: 1 });
  await assert.rejects(post(url, false), /fetch failed/);
  assert.equal(await greet(url), "Fine now.");
});

function post(url, stream) {
  const messages = [{ role: "user", content: "Say hello." }];
  return fetch(`${url}/v1/messages`, {
    method: "POST",
    headers: { "content-type": "application/json", "anthropic-version": "2023-06-01", "x-api-key": "any" },
    body: JSON.stringify({ model: "claude-sonnet-4-6", max_tokens: 64, stream, messages }),
  });
}

async function greet(url) {
  for (;;) {
    const answer = await post(url, false);
    const told = await answer.json();
    if (answer.ok) return told.content[0].text;
  }
}

async function streamed(url) {
  return await (await post(url, true)).text();
}
