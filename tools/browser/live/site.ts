// Serves the page of live state in user interfaces, and its board. The server can end without a word, and start again.

import { once } from "node:events";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { Root } from "@pb/broker";
import { Live } from "@pb/live";
import { attach } from "@pb/web-transport/node";
import { build } from "esbuild";

interface Card {
  title: string;
  isDone: boolean;
}

export interface Board {
  readonly cards: { readonly a: Card; readonly b: Card; readonly c: Card };
}

class TestBoard extends Live<Board> {
  static override readonly remoteType: string = "test.Board";
}

export class TestRoot extends Root {
  readonly #board: TestBoard;

  constructor(board: TestBoard) {
    super();
    this.#board = board;
  }

  remote_board(): TestBoard {
    return this.#board;
  }
}

const ids = ["solid", "signals", "svelte"].flatMap((name) => ["a", "b", "c"].map((card) => `${name}-${card}`));
const html = `<!doctype html><meta charset=utf-8><link rel=icon href=data:,><body><div id=react></div><div id=vue></div>
${ids.map((id) => `<p id=${id}></p>`).join("")}<script type=module src=/page.js></script>`;

export class LiveSite implements AsyncDisposable {
  #board!: TestBoard;
  #http: Server | undefined;
  #port = 0;
  #script = "";
  readonly #sockets = new Set<Socket>();

  /** On a free port of loopback, and on the same port when it starts again. The board is as at first then. */
  static async open(): Promise<LiveSite> {
    const site = new LiveSite();
    const { outputFiles } = await build({
      entryPoints: [fileURLToPath(new URL("page.ts", import.meta.url))],
      bundle: true,
      write: false,
      format: "esm",
      target: "es2022",
      conditions: ["@pb/source"],
      define: { "process.env.NODE_ENV": '"production"', PB_VERSION: '"0.0.0"' },
    });
    site.#script = outputFiles[0]!.text;
    await site.start();
    return site;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/`;
  }

  get board(): TestBoard {
    return this.#board;
  }

  async start(): Promise<void> {
    const card = (title: string): Card => ({ title, isDone: false });
    this.#board = new TestBoard({ cards: { a: card("one"), b: card("two"), c: card("three") } });
    const http = createServer(({ url }, response) => {
      const isScript = url === "/page.js";
      const type = isScript ? "text/javascript" : "text/html";
      response.writeHead(200, { "content-type": type }).end(isScript ? this.#script : html);
    });
    http.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    attach(http, new TestRoot(this.#board), { path: "/pb" });
    http.listen(this.#port, "127.0.0.1");
    await once(http, "listening");
    this.#port = (http.address() as AddressInfo).port;
    this.#http = http;
  }

  /** Ends all connections without a word, as when the process is killed. */
  async kill(): Promise<void> {
    const closed = once(this.#http!, "close");
    this.#http!.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
