// The web server of the auction: the page, and the objects that it calls, on one port.

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { attach } from "@pb/web-transport/node";
import { build } from "esbuild";
import { Door, House } from "./auction.js";

export interface AuctionOptions {
  /** Default: any free port. */
  readonly port?: number;
  /** Milliseconds until a lot is sold. Default: a minute. */
  readonly lotMs?: number;
}

/** The page runs its own script and style only, and connects to its own server only. */
const headers = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
};

/** Opens the auction on loopback. Dispose of the result to close it. */
export async function openAuction({ port = 0, lotMs = 60_000 }: AuctionOptions = {}): Promise<
  AsyncDisposable & { readonly port: number; readonly house: House }
> {
  const files = await pageFiles();
  const http = createServer(({ method, url = "/" }, response) => {
    const [type, body] = files[url.replace(/\?.*$/, "")] ?? [];
    if (body === undefined || (method !== "GET" && method !== "HEAD"))
      response.writeHead(404, headers).end("Not found\n");
    else response.writeHead(200, { ...headers, "content-type": type }).end(method === "HEAD" ? "" : body);
  });
  http.listen(port, "127.0.0.1");
  await once(http, "listening");
  const { port: opened } = http.address() as AddressInfo;
  const house = new House(lotMs);
  const root = { rootObject: (connection: ConstructorParameters<typeof Door>[1]) => new Door(house, connection) };
  const origins = ["127.0.0.1", "localhost"].map((host) => `http://${host}:${opened}`);
  const server = attach(http, root, { path: "/pb", origins });
  return {
    port: opened,
    house,
    async [Symbol.asyncDispose]() {
      house[Symbol.dispose]();
      await server.close();
      const closed = once(http, "close");
      http.close();
      http.closeAllConnections();
      await closed;
    },
  };
}

/** The type and the text of each file of the page. */
async function pageFiles(): Promise<Record<string, [type: string, body: string]>> {
  const read = (name: string): Promise<string> => readFile(new URL(name, import.meta.url), "utf8");
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL("page.ts", import.meta.url))],
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    conditions: ["@pb/source"],
    write: false,
  });
  return {
    "/": ["text/html; charset=utf-8", await read("index.html")],
    "/page.css": ["text/css; charset=utf-8", await read("page.css")],
    "/page.js": ["text/javascript; charset=utf-8", outputFiles[0]!.text],
  };
}
