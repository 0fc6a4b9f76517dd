/** Drives a running Chromium: reads a JSON array a line, [what, ...arguments], and prints a JSON object a line. */

import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const browser = await chromium.connectOverCDP(process.argv[2]);
let context;
let page;
let running;
let problems = [];

/** What the lines ask for. */
const commands = {
  async open(url) {
    await context?.close();
    context = await browser.newContext();
    page = await context.newPage();
    problems = [];
    page.on("pageerror", (error) => problems.push(`${error}`));
    await page.goto(url);
  },
  click: (selector) => page.click(selector),
  text: (selector) => page.textContent(selector),
  /** Wait until the text of an element is this. */
  shows: async (selector, text) => {
    await page.waitForFunction(([at, what]) => document.querySelector(at)?.textContent === what, [selector, text]);
  },
  /** Call a function of the page and wait for what it returns; `begin` does not wait, `end` does so later. */
  call: (name, ...given) => page.evaluate(([which, each]) => window[which](...each), [name, given]),
  begin(name, ...given) {
    running = commands.call(name, ...given);
    running.catch(() => {});
  },
  end: () => running,
  /** Tell whether what was begun has ended within so many milliseconds. */
  ended: (ms) => Promise.race([running.then(() => true), new Promise((done) => setTimeout(done, ms, false))]),
  problems: () => problems,
  close: () => context?.close(),
};

console.log(JSON.stringify({ ready: browser.version() }));
for await (const line of createInterface({ input: process.stdin })) {
  const [what, ...given] = JSON.parse(line);
  try {
    console.log(JSON.stringify({ result: (await commands[what](...given)) ?? null }));
  } catch (error) {
    console.log(JSON.stringify({ error: `${error}` }));
  }
}
await browser.close();
