// Tabs of Chromium whose server is killed, that are frozen, many, slow or reloaded.

import { connect } from "@pb/web-transport";
import type { Broker } from "@pb/broker";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { findChromium, launch } from "./chromium.js";
import { openSite } from "./site.js";
import type { Site } from "./site.js";

const chromium = findChromium();
const MIB = 1024 * 1024;

describe.skipIf(chromium === undefined)("tabs", () => {
  let browser: Browser;
  let site: Site;
  let address: string;
  /** Looks into the server, and shows that it serves others meanwhile. */
  let observer: Broker;
  let context: BrowserContext;

  beforeAll(async () => {
    [browser, site] = await Promise.all([launch(chromium!), openSite()]);
    address = await site.server.start();
  });
  afterAll(async () => {
    await browser.close();
    await site[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    observer = await connect(address, { webSocket: WebSocket });
    await expect.poll(count("connections")).toBe(1); // The tabs of the last test have gone.
    context = await browser.newContext();
    context.setDefaultTimeout(120_000);
  });
  afterEach(async () => {
    await context.close();
    await observer.close();
  });

  const pageUrl = (id = 1): string => `${site.url}/tab.html?server=${encodeURIComponent(address)}&id=${id}`;

  /** Opens a tab and waits until it is connected. */
  async function openTab(): Promise<Page> {
    const page = await context.newPage();
    await page.goto(pageUrl());
    await page.waitForFunction("globalThis.tab?.state() === 'ready'");
    return page;
  }

  const call = async (name: string): Promise<unknown> => (await observer.getRootObject()).callRemote(name);
  const counts = call.bind(undefined, "counts") as () => Promise<Record<string, number>>;
  const count = (name: string) => async (): Promise<number> => (await counts())[name]!;

  /** Opens a tab in the background, and returns how to freeze it. A tab of Playwright is never in the background. */
  async function openInBackground(): Promise<(state: "frozen" | "active") => Promise<void>> {
    const devtools = await browser.newBrowserCDPSession();
    const { browserContextId } = await devtools.send("Target.createBrowserContext");
    onTestFinished(async () => {
      await devtools.send("Target.disposeBrowserContext", { browserContextId });
    });
    const { targetId } = await devtools.send("Target.createTarget", { url: pageUrl(), browserContextId });
    const { sessionId } = await devtools.send("Target.attachToTarget", { targetId, flatten: false });
    return async (state) => {
      const done = new Promise((resolve) => devtools.once("Target.receivedMessageFromTarget", resolve));
      const message = JSON.stringify({ id: 1, method: "Page.setWebLifecycleState", params: { state } });
      await devtools.send("Target.sendMessageToTarget", { sessionId, message });
      await done;
    };
  }

  test("a frozen tab whose server was killed and started again connects at once when it wakes up", async () => {
    const setState = await openInBackground();
    await expect.poll(count("tabs")).toBe(1);
    await setState("frozen");
    await site.server.kill();
    await observer.closed;
    await site.server.start();
    observer = await connect(address, { webSocket: WebSocket });
    expect(await counts()).toMatchObject({ tabs: 0, connections: 1 });
    await setState("active");
    await expect.poll(count("tabs")).toBe(1);
    expect(await call("ask_all")).toEqual([1]);
  });

  test("50 tabs at once are called, and leave nothing behind", async () => {
    const first = await openTab();
    const urls = Array.from({ length: 49 }, (_, index) => pageUrl(index + 2));
    await first.evaluate(`${JSON.stringify(urls)}.forEach((url) => window.open(url))`);
    await expect.poll(count("tabs")).toBe(50);
    expect((await counts()).connections).toBe(51);
    const answers = (await call("ask_all")) as number[];
    expect(answers.sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
    await context.close();
    await expect.poll(counts).toMatchObject({ tabs: 0, connections: 1 });
  });

  test("a reload ends the calls that run for the page, and the page connects again", async () => {
    const page = await openTab();
    const { canceled } = await counts();
    await page.evaluate("tab.wait(20)");
    await expect.poll(count("running")).toBe(20);
    await page.reload();
    await expect.poll(counts).toMatchObject({ running: 0, canceled: canceled! + 20, tabs: 1, connections: 2 });
    expect(await page.evaluate("tab.echo('back')")).toBe("back");
  });

  /** Lets a page ask for pieces of 64 KiB and block. Returns how many the server has made that it did not read. */
  async function unread(action: string, pieces: number, counter: string, least: number): Promise<number> {
    const page = await openTab();
    const { [counter]: made = 0 } = await counts();
    const done = page.evaluate<[before: number, all: number]>(`tab.${action}(${pieces})`);
    done.catch(() => undefined); // Only matters if the test has failed before.
    onTestFinished(() => site.release());
    await expect.poll(() => site.held).toBe(1); // Before that, nothing could be released.
    const madeNow = async (): Promise<number> => (await counts())[counter]! - made;
    await expect.poll(madeNow).toBeGreaterThanOrEqual(least);
    // Others are served, and a server that goes on would have made the rest.
    for (let turn = 0; turn < 100; turn++) await observer.ping();
    const blocked = await madeNow();
    expect((await counts()).bytesQueued).toBeLessThan(17 * MIB);
    site.release();
    const [before, all] = await done;
    expect(all).toBe(pieces);
    return blocked - before;
  }

  test("a server does not answer a page that does not read beyond the limit of 16 MiB, and then goes on", async () => {
    // 16 MiB that are queued, 1 MiB of credit, and what was answered before the page was blocked.
    expect(await unread("askAndBlock", 640, "answered", 256)).toBeLessThan(300);
  });

  test("a server that waits until it may send has 1 MiB on the way to a page that does not read", async () => {
    expect(await unread("takeAndBlock", 320, "pushed", 16)).toBeLessThan(20);
  });
});
