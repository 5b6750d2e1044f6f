// The contract in Chromium: between a page and a server, a page and a worker, a worker and a server.

import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { attach } from "@pb/web-transport/node";
import { build } from "esbuild";
import { beforeAll, expect, test } from "vitest";
import { checks } from "../interop/client.js";
import type { Verdict } from "../interop/client.js";
import { brokerOptions } from "../interop/contract.js";
import type { Variant } from "../interop/contract.js";
import { contractRoot } from "../interop/server.js";
import { findChromium, openPage } from "./chromium.js";

const here = fileURLToPath(new URL(".", import.meta.url));
const chromium = findChromium();
if (chromium === undefined) console.warn("SKIPPED: the tests in Chromium, because there is no command chromium");

const results = new Map<string, unknown>();

/** Bundles the programs of the page, by their paths. */
async function bundle(): Promise<Map<string, string>> {
  const { outputFiles } = await build({
    entryPoints: ["page", "worker", "echo"].map((name) => join(here, `${name}.ts`)),
    outdir: "/",
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
    conditions: ["@pb/source"],
    define: { PB_VERSION: '"0.0.0"' },
  });
  const scripts = outputFiles.map(({ path, text }): [string, string] => [path.replace(/^.*[/\\]/, "/"), text]);
  const html = (script: string): string => `<!doctype html><body><script type=module src=${script}></script>`;
  return new Map([...scripts, ["/", html("/page.js")], ["/frame", html("/echo.js")]]);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of request) body += String(chunk);
  return body;
}

beforeAll(async () => {
  if (chromium === undefined) return;
  const files = await bundle();
  const serve = (variant: Variant) =>
    attach(http, contractRoot(variant), { path: `/${variant}`, broker: brokerOptions });
  let finish!: () => void;
  const finished = new Promise<void>((resolve) => (finish = resolve));
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { url = "/" } = request;
    if (url === "/result") {
      const { name, outcome } = JSON.parse(await bodyOf(request)) as { name: string; outcome: unknown };
      results.set(name, outcome);
      if (name === "done") finish();
    } else if (url === "/replace") {
      await servers.root.destroy();
      servers.root = serve("root");
    }
    const text = files.get(url);
    const type = url.endsWith(".js") ? "text/javascript" : "text/html";
    response.writeHead(text === undefined && request.method === "GET" ? 404 : 200, { "content-type": type }).end(text);
  };
  const http = createServer((request, response) => void answer(request, response));
  const servers = { root: serve("root"), portal: serve("portal") };
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const page = openPage(chromium, `http://127.0.0.1:${(http.address() as AddressInfo).port}/`);
  try {
    await Promise.race([finished, page.program.exit.then(() => expect.fail(`Chromium ended: ${page.program.stderr}`))]);
  } finally {
    await page[Symbol.asyncDispose]();
    await Promise.all([servers.root.close(), servers.portal.close()]);
    http.closeAllConnections();
    http.close();
  }
}, 600_000);

test("CI has Chromium", () => {
  expect(process.env.CI !== "true" || chromium !== undefined).toBe(true);
});

test.skipIf(chromium === undefined).each<[string, Variant]>([
  ["page to server over WebSocket, root, pb", "root"],
  ["page to server over WebSocket, root, none", "root"],
  ["page to server over WebSocket, portal, pb", "portal"],
  ["page to worker over MessagePort, root, pb", "root"],
  ["page to worker over MessagePort, portal, pb", "portal"],
  ["worker to server over WebSocket, root, pb", "root"],
])("%s: all checks", (name, variant) => {
  const verdicts = results.get(name) as Verdict[];
  expect(verdicts).toBeInstanceOf(Array);
  expect(verdicts.filter(({ ok }) => !ok)).toEqual([]);
  expect(verdicts).toHaveLength(Object.keys(checks[variant]).length);
  console.log(`Chromium, ${name}: ${verdicts.length} of ${verdicts.length} checks`);
});

test.skipIf(chromium === undefined).each<[string, unknown]>([
  ["a worker that serves", 600_000],
  ["a shared worker that serves two pages", [600_000, 600_000]],
  ["an iframe that serves its parent", 600_000],
  ["a worker that cannot be started", "LINK_WORKER"],
  ["a server that is not there", "CONNECT_FAILED"],
  ["a client whose server was replaced", [1, 2]],
])("%s", (name, outcome) => {
  expect(results.get(name)).toEqual(outcome);
});
