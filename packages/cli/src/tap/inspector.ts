// `pb tap --inspect`: shows the conversation on a page that only this user of this machine can open.

import { randomBytes, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { treeOf } from "../conversation/messages.js";
import type { Message, Side } from "../conversation/messages.js";
import { describeEnding } from "../observe/describe-message.js";
import { messageJson } from "../observe/printer.js";
import { patchLines } from "../observe/show-patch.js";
import type { Ending, Observer } from "../observe/observer.js";
import { quoted } from "../values/show-value.js";
import { page, script, style } from "./inspector-page.js";
import { treeLines } from "./tree-lines.js";

/** Rows that a page gets that opens later. */
const KEPT_ROWS = 1_000;

/** Characters of the trees and rows that are kept. */
const KEPT_CHARACTERS = 8 * 1024 * 1024;

/** Bytes that wait for a page that does not read. It is disconnected then, and connects again. */
const WAITING_BYTES = 8 * 1024 * 1024;

/** Operations of a packed patch that are shown below its tree. */
const PATCH_LINES = 100;

/** Pages at a time. */
const MOST_PAGES = 8;

/** Nothing is loaded from elsewhere, and the page can be part of no other. */
const HEADERS = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; " +
    "form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
};

const files: ReadonlyMap<string, readonly [string, string]> = new Map([
  ["", ["text/html; charset=utf-8", page]],
  ["inspector.js", ["text/javascript; charset=utf-8", script]],
  ["inspector.css", ["text/css; charset=utf-8", style]],
]);

export class Inspector implements Observer {
  readonly #token: Buffer = Buffer.from(randomBytes(24).toString("base64url"));
  readonly #server: Server;
  readonly #pages = new Set<ServerResponse>();
  #rows: string[] = [];
  #characters = 0;
  #next = 1;

  private constructor() {
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  /** Listens at a free port of the loopback interface. */
  static async start(): Promise<Inspector> {
    const inspector = new Inspector();
    await new Promise<void>((resolve, reject) => {
      inspector.#server.once("error", reject).listen(0, "127.0.0.1", resolve);
    });
    return inspector;
  }

  get #port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The address of the page, which contains a secret token. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}/${this.#token.toString()}/`;
  }

  async close(): Promise<void> {
    for (const response of this.#pages) response.end();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  opened(connection: number, address: string, timeMs: number): void {
    this.#row(connection, timeMs, `"kind": "open", "text": ${quoted(`connected from ${address}`)}`);
  }

  message(connection: number, message: Message): void {
    const tree = treeOf(message);
    const lines = tree === undefined ? [] : treeLines(tree);
    if (message.kind === "call" && message.patch !== undefined)
      lines.push("", ...patchLines(message.patch, PATCH_LINES));
    this.#row(connection, message.timeMs, `${messageJson(message)}, "tree": [${lines.map(quoted).join(", ")}]`);
  }

  finished(connection: number, from: Side, timeMs: number): void {
    this.#row(connection, timeMs, `"kind": "fin", "from": "${from}", "text": "sends nothing more"`);
  }

  closed(connection: number, ending: Ending): void {
    for (const fact of describeEnding(ending))
      this.#row(connection, ending.timeMs, `"kind": "close", "text": ${quoted(fact)}`);
  }

  #row(connection: number, timeMs: number, fields: string): void {
    const t = Math.round(timeMs * 1000) / 1000;
    const row = `id: ${this.#next}\ndata: {"n": ${this.#next++}, "t": ${t}, "connection": ${connection}, ${fields}}\n\n`;
    this.#rows.push(row);
    this.#characters += row.length;
    while (this.#rows.length > KEPT_ROWS || this.#characters > KEPT_CHARACTERS)
      this.#characters -= this.#rows.shift()!.length;
    for (const response of this.#pages) {
      if (response.writableLength > WAITING_BYTES) response.destroy();
      else response.write(row);
    }
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const refuse = (status: number): void => void response.writeHead(status, HEADERS).end();
    // A page of another site can reach this port under a name of its own, which stands in Host (DNS rebinding).
    const hosts = [`127.0.0.1:${this.#port}`, `localhost:${this.#port}`];
    if (!hosts.includes(request.headers.host ?? "")) return refuse(403);
    if (request.method !== "GET") return refuse(405);
    const [, token = "", file = "", ...more] = (request.url ?? "").split("/");
    const given = Buffer.from(token);
    if (given.length !== this.#token.length || !timingSafeEqual(given, this.#token)) return refuse(403);
    if (more.length > 0) return refuse(404);
    if (file === "events") return this.#subscribe(request, response);
    const found = files.get(file);
    if (found === undefined) return refuse(404);
    response.writeHead(200, { ...HEADERS, "content-type": found[0] }).end(found[1]);
  }

  /** Sends the rows after the last one that the page has, and all further ones. */
  #subscribe(request: IncomingMessage, response: ServerResponse): void {
    if (this.#pages.size >= MOST_PAGES) {
      response.writeHead(503, HEADERS).end();
      return;
    }
    const last = Number(request.headers["last-event-id"] ?? 0);
    const first = this.#next - this.#rows.length;
    response.writeHead(200, { ...HEADERS, "content-type": "text/event-stream" });
    response.write(":\n\n");
    this.#pages.add(response);
    response.once("close", () => this.#pages.delete(response));
    for (const row of this.#rows.slice(Math.max(0, last + 1 - first))) response.write(row);
  }
}
