// Serves the pages that the browsers open, and collects what they report.

import { EventEmitter, once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { attach } from "@pb/web-transport/node";
import { build } from "esbuild";
import { brokerOptions } from "../interop/contract.js";
import { contractRoot } from "../interop/server.js";
import { freePort } from "../process/ports.js";
import { Program, typescript } from "../process/program.js";
import { contracts, outcomes } from "./expected.js";

const here = fileURLToPath(new URL(".", import.meta.url));

/** What a page reports for a contract. */
export interface Contract {
  readonly passed: number;
  readonly failed: readonly unknown[];
}

export interface Site extends AsyncDisposable {
  readonly url: string;
  readonly server: TestServer;
  /** How many pages block their thread, until {@link release}. */
  readonly held: number;
  /** Answers the pages that block their thread. */
  release(): void;
  /** By the name of the scenario. */
  readonly results: ReadonlyMap<string, unknown>;
  /** Resolves when a page has reported all scenarios. */
  readonly finished: Promise<void>;
}

/** Bundles the programs of the pages, by their paths. */
async function bundle(): Promise<Map<string, string>> {
  const { outputFiles } = await build({
    entryPoints: ["page", "place", "serve", "tab"].map((name) => join(here, `${name}.ts`)),
    outdir: "/",
    bundle: true,
    write: false,
    minify: true,
    keepNames: true,
    format: "esm",
    target: "es2022",
    conditions: ["@pb/source"],
    define: { PB_VERSION: '"0.0.0"' },
  });
  return new Map(
    outputFiles.flatMap(({ path, text }) => {
      const script = path.replace(/^.*[/\\]/, "/");
      const html = `<!doctype html><meta charset=utf-8><body><script type=module src=${script}></script>`;
      return [
        [script, text],
        [script.replace(".js", ".html"), html],
      ] as const;
    }),
  );
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of request) body += String(chunk);
  return body;
}

/** Starts the site on a free port of loopback. */
export async function openSite(): Promise<Site> {
  const files = await bundle();
  const results = new Map<string, unknown>();
  const missing = new Set([...contracts.map(({ name }) => name), ...Object.keys(outcomes)]);
  let finish!: () => void;
  const finished = new Promise<void>((resolve) => (finish = resolve));
  const holds = new EventEmitter();
  /** What a page asks for with POST. */
  const orders: Readonly<Record<string, (body: string) => unknown>> = {
    "/result"(body) {
      const { name, outcome } = JSON.parse(body) as { name: string; outcome: unknown };
      results.set(name, outcome);
      missing.delete(name);
      if (missing.size === 0) finish();
    },
    "/hold": () => once(holds, "release"),
    "/start": () => server.start(),
    "/kill": () => server.kill(),
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname } = new URL(request.url!, "http://site");
    const order = request.method === "POST" ? orders[pathname] : undefined;
    const text = order === undefined ? files.get(pathname) : String(await order(await bodyOf(request)));
    const type = pathname.endsWith(".js") ? "text/javascript" : "text/html";
    response.writeHead(text === undefined ? 404 : 200, { "content-type": type }).end(text);
  };
  const http = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  http.setMaxListeners(contracts.length);
  // Each row has a server of its own, so that they can run at the same time.
  const attached = contracts
    .filter(({ transport }) => transport.startsWith("WebSocket"))
    .map(({ path, variant }) => attach(http, contractRoot(variant), { path, broker: brokerOptions }));
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const server = new TestServer(url);
  return {
    url,
    server,
    results,
    finished,
    get held() {
      return holds.listenerCount("release");
    },
    release: () => void holds.emit("release"),
    async [Symbol.asyncDispose]() {
      await server.kill();
      await Promise.all(attached.map((one) => one.close()));
      http.closeAllConnections();
      http.close();
    },
  };
}

/** The server of server.ts. It keeps its port when it is started again. */
export class TestServer {
  readonly #origin: string;
  #program: Program | undefined;
  #port: number | undefined;

  constructor(origin: string) {
    this.#origin = origin;
  }

  /** Resolves with its address. */
  async start(): Promise<string> {
    if (this.#program === undefined) {
      this.#port ??= await freePort();
      const command = typescript(join(here, "server.ts"), String(this.#port), this.#origin);
      this.#program = new Program("server.ts", command);
      await this.#program.nextLine();
    }
    return `ws://127.0.0.1:${this.#port!}/pb`;
  }

  /** Ends it with SIGKILL. */
  async kill(): Promise<void> {
    this.#program?.kill();
    await this.#program?.exit;
    this.#program = undefined;
  }
}
