// The page of `pb tap --inspect` in Chromium, used with the keyboard.

import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { encode } from "@pb/banana";
import { Observation } from "../../packages/cli/src/observe/observer.js";
import { Inspector } from "../../packages/cli/src/tap/inspector.js";
import { call, expression, text, tuple } from "../../packages/cli/test/conversation/talk.js";
import { findChromium, launch } from "./chromium.js";

const chromium = findChromium();

/** Milliseconds that end a test that hangs. */
const LONG = 300_000;

/** Text of a peer that would run as HTML. */
const HOSTILE = "<img src=x onerror=document.title='broken'>";

test.skipIf(chromium === undefined)("shows, filters and selects messages, live", { timeout: 2 * LONG }, async () => {
  const inspector = await Inspector.start();
  const browser = await launch(chromium!);
  try {
    const observation = new Observation(1, [inspector]);
    const say = (from: "client" | "server", words: Parameters<typeof expression>[0], dialect: "pb" | "none" = "pb") =>
      observation.feed(from, encode(expression(words), { dialect }), 1);
    say("server", ["pb", "none"], "none");
    say("client", "pb", "none");
    const page = await browser.newPage();
    page.setDefaultTimeout(LONG);
    const problems: string[] = [];
    page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
    page.on("pageerror", (error) => problems.push(error.message));
    await page.goto(inspector.url);
    await page.waitForSelector("#row-2");
    say("client", call(1, "root", "find", tuple(12, text(HOSTILE))));
    say("server", ["answer", 1, text("found it")]);
    await page.waitForSelector("#row-4");
    await useKeyboard(page);
    expect(await page.title()).toBe("pb tap");
    expect(problems).toEqual([]);
  } finally {
    await browser.close();
    await inspector.close();
  }
});

async function useKeyboard(page: Page): Promise<void> {
  const visible = (): Promise<string[]> => page.locator("#rows li:visible").allTextContents();
  await page.keyboard.press("/");
  await page.keyboard.type("found");
  expect(await visible()).toHaveLength(1);
  expect((await visible())[0]).toContain('<- answer 1 root.find: "found it"');
  await page.locator("#filter").fill("root.find");
  expect(await visible()).toHaveLength(2);
  await page.keyboard.press("Escape");
  await page.keyboard.press("ArrowDown");
  const tree = page.locator("#tree");
  expect(await tree.textContent()).toContain("(message\n  1\n  root\n  find\n");
  expect(await tree.textContent()).toContain(HOSTILE.slice(0, 20));
  await page.keyboard.press("j");
  expect(await tree.textContent()).toContain("(answer 1 (unicode 'found it'))");
  expect(await page.locator("[aria-selected=true]").count()).toBe(1);
}
