// Prints a line for each message, as text or as JSON.

import type { Message, Side } from "../conversation/messages.js";
import { columnsOf, painter } from "../io.js";
import type { CliIo, Paint } from "../io.js";
import { quoted } from "../values/show-value.js";
import { wrapLine } from "../wrap.js";
import { describeEnding, describeMessage, nameOfCall } from "./describe-message.js";
import type { Ending, Observer } from "./observer.js";

/** Characters of the values in a line. */
const VALUES = 120;

/** Milliseconds that lines wait for others: one write for each message would cost more than the rest (bench `tap`). */
const WAIT_MS = 20;

/** Characters that are written at once, at the latest. */
const BATCH = 64 * 1024;

/** Where lines go, and the variables that allow colors. */
type PrinterIo = Pick<CliIo, "stdout" | "env">;

export class Printer implements Observer {
  readonly #io: PrinterIo;
  readonly #isJson: boolean;
  readonly #columns: number;
  readonly #paint: Paint;
  #lines = "";
  #flushing: NodeJS.Timeout | undefined;
  /** Called before and after lines are written: a table below them has to move. */
  around: { readonly before: () => void; readonly after: () => void } | undefined;

  constructor(io: PrinterIo, isJson: boolean) {
    this.#io = io;
    this.#isJson = isJson;
    this.#columns = isJson ? Infinity : columnsOf(io.stdout);
    this.#paint = painter(io.stdout, io.env);
  }

  opened(connection: number, address: string, timeMs: number): void {
    if (this.#isJson) this.#json(timeMs, connection, `"kind": "open", "address": ${quoted(address)}`);
    else this.#line(timeMs, connection, `connected${address === "" ? "" : ` from ${address}`}`);
  }

  message(connection: number, message: Message): void {
    const { timeMs, from, size } = message;
    if (this.#isJson) this.#json(timeMs, connection, messageJson(message));
    else if (message.kind !== "opaque" || message.error !== undefined) {
      const latency =
        "latencyMs" in message && message.latencyMs !== undefined ? `, ${fixed(message.latencyMs, 1)} ms` : "";
      const text = `${from === "client" ? "->" : "<-"} ${describeMessage(message, VALUES)}`;
      this.#line(timeMs, connection, this.#paint(colorOf(message), text), ` [${size} B${latency}]`);
    }
  }

  finished(connection: number, from: Side, timeMs: number): void {
    if (this.#isJson) this.#json(timeMs, connection, `"kind": "fin", "from": "${from}"`);
    else this.#line(timeMs, connection, `the ${from} sends nothing more`);
  }

  closed(connection: number, ending: Ending): void {
    const facts = describeEnding(ending);
    if (this.#isJson) this.#json(ending.timeMs, connection, endingJson(ending, facts.slice(1)));
    else for (const fact of facts) this.#line(ending.timeMs, connection, fact);
  }

  /** Prints a line of its own. */
  text(line: string): void {
    this.#add(`${wrapLine(line, this.#columns, 4)}\n`);
  }

  /** Writes what waits. */
  flush(): void {
    clearTimeout(this.#flushing);
    this.#flushing = undefined;
    if (this.#lines === "") return;
    const lines = this.#lines;
    this.#lines = "";
    this.around?.before();
    this.#io.stdout.write(lines);
    this.around?.after();
  }

  #line(timeMs: number, connection: number, text: string, end = ""): void {
    this.text(`${fixed(timeMs / 1000, 3).padStart(8)} #${connection} ${text}${end}`);
  }

  #json(timeMs: number, connection: number, fields: string): void {
    this.#add(`{"t": ${Math.round(timeMs * 1000) / 1000}, "connection": ${connection}, ${fields}}\n`);
  }

  #add(text: string): void {
    this.#lines += text;
    if (this.#lines.length > BATCH) this.flush();
    else this.#flushing ??= setTimeout(() => this.flush(), WAIT_MS);
  }
}

/** As `toFixed`, which takes longer, for numbers that are not negative (bench `tap`). */
function fixed(value: number, digits: 1 | 3): string {
  const scale = digits === 1 ? 10 : 1000;
  const scaled = Math.round(value * scale);
  return `${Math.floor(scaled / scale)}.${String(scaled % scale).padStart(digits, "0")}`;
}

function colorOf(message: Message): Parameters<Paint>[0] {
  if (message.kind === "error" || message.kind === "unknown" || message.kind === "opaque") return "red";
  if (message.kind === "call") return "green";
  return message.kind === "answer" && message.isLate ? "yellow" : "dim";
}

/** The fields of a message, without the time and the connection. */
export function messageJson(message: Message): string {
  const { kind, from, size, redacted } = message;
  const fields: string[] = [`"kind": "${kind}"`, `"from": "${from}"`, `"size": ${size}`];
  if (redacted > 0) fields.push(`"redacted": ${redacted}`);
  if (message.kind === "call" || message.kind === "answer" || message.kind === "error") {
    fields.push(`"id": ${JSON.stringify(message.id)}`);
    const call = message.kind === "call" ? message : message.call;
    if (call !== undefined) fields.push(`"name": ${quoted(nameOfCall(call))}`, `"method": ${quoted(call.method)}`);
    if (message.kind === "call") fields.push(`"wantsAnswer": ${message.wantsAnswer}`);
    else {
      if (message.latencyMs !== undefined) fields.push(`"latencyMs": ${Math.round(message.latencyMs * 1000) / 1000}`);
      if (message.isLate) fields.push(`"isLate": true`);
    }
  }
  if (message.kind === "opaque" && message.error !== undefined) fields.push(`"code": ${quoted(message.error.code)}`);
  fields.push(`"text": ${quoted(describeMessage(message, VALUES))}`);
  return fields.join(", ");
}

function endingJson({ by, code, client, server }: Ending, facts: readonly string[]): string {
  const open = (["calls", "references", "caches"] as const)
    .map((name) => `"${name}": {"client": ${client[name].size}, "server": ${server[name].size}}`)
    .join(", ");
  const error = code === undefined ? "" : `"code": ${quoted(code)}, `;
  return `"kind": "close", "by": "${by}", ${error}${open}, "facts": [${facts.map(quoted).join(", ")}]`;
}
