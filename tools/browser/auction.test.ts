// npm run demo -- web, in Chromium: two bidders, one with a keyboard and one with a phone. And the examples with Vite.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { createServer } from "vite";
import type { ViteDevServer } from "vite";
import { afterAll, beforeAll, describe, expect, onTestFailed, onTestFinished, test } from "vitest";
import { openAuction } from "../../packages/examples/src/web-auction/server.js";
import { freePort } from "../process/ports.js";
import { Program, typescript } from "../process/program.js";
import { findChromium, launch } from "./chromium.js";
import { testLiveState } from "./live/tests.js";

const chromium = findChromium();

describe.skipIf(chromium === undefined)("the auction", () => {
  let browser: Browser;
  let auction: Awaited<ReturnType<typeof openAuction>>;
  const complaints: string[] = [];
  /** So long that only the test sells. */
  const lotMs = 3_600_000;

  beforeAll(async () => {
    [browser, auction] = await Promise.all([launch(chromium!), openAuction({ lotMs })]);
  });
  afterAll(async () => {
    await browser.close();
    await auction[Symbol.asyncDispose]();
  });

  /** Opens a tab of its own browser window. */
  async function open(url: string, width = 1000): Promise<Page> {
    const context = await browser.newContext({ viewport: { width, height: 740 } });
    onTestFinished(() => context.close());
    context.setDefaultTimeout(120_000);
    const page = await context.newPage();
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => complaints.push(message.text()));
    onTestFailed(() => console.error(page.url(), "printed", complaints));
    await page.goto(url);
    return page;
  }

  /**
   * Starts Vite on a folder, with a cache of its own. It keeps its connection to the page: when it finds a dependency
   * late, it makes the page load again.
   */
  async function serve(root: string, port: number): Promise<ViteDevServer> {
    const cacheDir = mkdtempSync(join(tmpdir(), "pb-vite-"));
    const server = { host: "127.0.0.1", port };
    const vite = await createServer({
      root,
      cacheDir,
      logLevel: "error",
      server,
      resolve: { conditions: ["@pb/source"] },
    });
    onTestFinished(async () => {
      await vite.close();
      rmSync(cacheDir, { recursive: true });
    });
    return await vite.listen();
  }

  /** Takes a seat. */
  async function enter(name: string, width?: number): Promise<Page> {
    const page = await open(`http://127.0.0.1:${auction.port}/`, width);
    await page.getByLabel("Your name").fill(name);
    await page.keyboard.press("Enter");
    await sees(page, "Connected");
    return page;
  }

  /** Resolves when the page shows exactly this text, once. */
  const sees = (page: Page, text: string): Promise<void> => page.getByText(text, { exact: true }).waitFor();

  test("two bidders see the same bids, keep their seats over a reload, and come back", async () => {
    const ann = await enter("Ann");
    const bob = await enter("Bob", 360);
    expect(await bob.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);

    // Ann uses the keyboard only.
    for (const key of ["Tab", "4", "6", "Enter"]) await ann.keyboard.press(key);
    await sees(bob, "bid by Ann");
    await sees(bob, "46");
    await bob.getByLabel("Your bid").evaluate((input) => ((input as unknown as { min: string }).min = ""));
    await bob.getByLabel("Your bid").fill("41");
    await bob.getByRole("button", { name: "Bid" }).click();
    await sees(bob, "The teapot is at 46 already");
    await bob.getByLabel("Your bid").fill("60");
    await bob.getByRole("button", { name: "Bid" }).click();
    await sees(ann, "bid by Bob");
    const clock = ann.getByRole("timer");
    const shown = await clock.textContent();
    expect(shown).toMatch(/^3\d{3} s left$/);
    await expect.poll(() => clock.textContent()).not.toBe(shown);

    auction.house.sell();
    for (const page of [ann, bob]) await sees(page, "Teapot: Bob, 60");
    await sees(ann, "Clock");

    await bob.reload();
    await sees(bob, "Connected");
    await sees(ann, "Bob");

    await ann.getByRole("button", { name: "Go offline" }).click();
    await sees(bob, "Ann (offline)");
    await ann.getByRole("button", { name: "Go online" }).click();
    await sees(bob, "Ann");

    const { port } = auction;
    await auction[Symbol.asyncDispose]();
    for (const page of [ann, bob]) await page.getByText(/^Connect(ing …|ion lost)$/).waitFor();
    expect(complaints.filter((text) => !text.includes("WebSocket connection to"))).toEqual([]);
    auction = await openAuction({ port, lotMs });
    for (const page of [ann, bob]) await sees(page, "Connected");
    await sees(ann, "Teapot");
  });

  test("a name that is not one is refused, and can be changed", async () => {
    const page = await open(`http://127.0.0.1:${auction.port}/`);
    await page.getByLabel("Your name").fill("<b>");
    await page.keyboard.press("Enter");
    await sees(page, "A name has 1 to 20 letters");
    await page.getByLabel("Your name").fill("Cem");
    await page.keyboard.press("Enter");
    await sees(page, "Connected");
  });

  test("the page runs nothing but its own script", async () => {
    const page = await open(`http://127.0.0.1:${auction.port}/`);
    const blocked = await page.evaluate(`new Promise((resolve) => {
      document.addEventListener("securitypolicyviolation", (event) => resolve(event.effectiveDirective));
      document.body.append(Object.assign(document.createElement("img"), { src: "http://127.0.0.1:1/x.png" }));
    })`);
    expect(blocked).toBe("img-src");
    expect(await page.evaluate(`try { document.body.innerHTML = "<b>"; } catch (error) { error.name; }`)).toBe(
      "TypeError",
    );
  });

  testLiveState(() => browser);

  test("the client of Vite shows the price", async () => {
    process.env.PORT = String(auction.port);
    const root = fileURLToPath(new URL("../../packages/examples/src/vite-client/", import.meta.url));
    const vite = await serve(root, 0);
    const page = await open(vite.resolvedUrls!.local[0]!);
    await page.getByRole("heading", { name: /^\w+: \d+$/ }).waitFor();
  });

  test("two pages of the live board show the same cards, also after the server was started again", async () => {
    const [port, pagePort] = [await freePort(), await freePort()];
    const root = copyOfBoard({ 8787: port, 5173: pagePort });
    onTestFinished(() => rmSync(root, { recursive: true }));
    const start = async (): Promise<Program> => {
      const program = new Program("server.ts", typescript(join(root, "server.ts")), { cwd: root });
      onTestFinished(() => program[Symbol.asyncDispose]());
      await program.waitForOutput("Listening");
      return program;
    };
    const server = await start();
    const vite = await serve(root, pagePort);
    const address = vite.resolvedUrls!.local[0]!;
    const [one, two] = [await open(address), await open(address)];

    const add = async (page: Page, text: string): Promise<void> => {
      await page.getByLabel("New card").fill(text);
      await page.keyboard.press("Enter");
    };
    for (const page of [one, two]) await sees(page, "live"); // Before that, Vite may load the page again.
    await add(one, "<b>milk");
    await two.getByText("☐ <b>milk").click();
    await sees(one, "☑ <b>milk");
    await add(two, "x".repeat(201));
    await two.getByText("A card has at most 200 characters").waitFor();

    server.kill();
    await sees(one, "stale");
    await start();
    await sees(one, "live");
    await expect.poll(() => one.getByRole("listitem").count()).toBe(0);
    await add(one, "bread");
    await sees(two, "☐ bread");
  });
});

/** A copy of the example live-board, with other ports. Its folder can resolve the packages. */
function copyOfBoard(ports: Readonly<Record<number, number>>): string {
  const examples = fileURLToPath(new URL("../../packages/examples/", import.meta.url));
  mkdirSync(join(examples, "dist"), { recursive: true });
  const copy = mkdtempSync(join(examples, "dist/live-board-"));
  for (const name of ["index.html", "page.ts", "server.ts"]) {
    const text = readFileSync(join(examples, "src/apps/live-board", name), "utf8");
    writeFileSync(
      join(copy, name),
      text.replaceAll(/\b(?:8787|5173)\b/g, (port) => String(ports[Number(port)])),
    );
  }
  return copy;
}
