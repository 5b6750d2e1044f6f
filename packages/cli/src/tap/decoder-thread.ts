// Starts the thread that decodes, and gives it what passes.

import { Worker } from "node:worker_threads";
import type { Side } from "../conversation/messages.js";
import { CliError } from "../errors.js";
import type { CliIo } from "../io.js";
import type { CloseEntry } from "../recording/format.js";
import { workerFile } from "../worker-file.js";
import { BatchWriter } from "./batch.js";
import type { ConnectionEvents } from "./batch.js";
import { errorOf } from "./thread-messages.js";
import type { DecoderSettings, FromDecoder, ToDecoder } from "./thread-messages.js";

const MEBIBYTE = 1024 * 1024;

/** Milliseconds that events wait for others: waking the other thread for each would cost more than passing it on. */
const WAIT_MS = 10;

/** Bytes after which a batch does not wait. */
const BATCH_BYTES = 256 * 1024;

/**
 * The bytes that may wait to be decoded: enough for bursts of seconds, and little memory. The connections are slowed
 * down when there are more, so that nothing is left out.
 */
const MOST_BEHIND = 32 * MEBIBYTE;

/** Milliseconds between two notes that the connections wait. */
const NOTE_MS = 10_000;

export class DecoderThread implements ConnectionEvents {
  readonly #worker: Worker;
  readonly #io: CliIo;
  readonly #batch = new BatchWriter();
  #timer: NodeJS.Timeout | undefined;
  /** Bytes that were given to the other thread, and are not decoded. */
  #waiting = 0;
  #caughtUp: Promise<void> | undefined;
  #resume: (() => void) | undefined;
  #notedMs = -Infinity;
  #columns: number | undefined;
  #reply: { resolve(message: FromDecoder): void; reject(error: Error): void } | undefined;
  #failure: Error | undefined;
  /** Resolves when the other thread can do nothing more. Then {@link finish} rejects. */
  readonly failed: Promise<void>;
  #reportFailure!: () => void;

  constructor(io: CliIo) {
    this.#io = io;
    this.failed = new Promise((resolve) => (this.#reportFailure = resolve));
    // A thread cannot import the sources: TypeScript has other names than JavaScript for their files.
    if (workerFile.url.pathname.endsWith(".ts")) {
      throw new CliError("CLI_FILE", "pb tap needs the built package: run npm run build");
    }
    // Options of this process for its own program, such as --input-type, would fail in the thread.
    this.#worker = new Worker(workerFile.url, { execArgv: [] });
    this.#worker
      .on("message", (message: FromDecoder) => this.#receive(message))
      .on("error", (error: Error) => this.#fail(error))
      .on("exit", () => this.#fail(new Error("The thread that decodes has ended")));
  }

  /** The bytes that are not decoded. */
  get behind(): number {
    return this.#waiting + this.#batch.size;
  }

  /**
   * Opens the outputs. Resolves with the address of the page of `--inspect`, if there is one. Rejects with `CliError`
   * `CLI_FILE`.
   */
  async open(settings: Omit<DecoderSettings, "env" | "isTTY" | "columns">): Promise<string | undefined> {
    const { stdout, env } = this.#io;
    this.#columns = stdout.columns;
    const terminal = { isTTY: stdout.isTTY === true, columns: stdout.columns };
    // Only these are used; a copy of all variables could contain secrets.
    const { NO_COLOR, TERM } = env;
    const opened = await this.#ask({
      kind: "open",
      settings: { ...settings, ...terminal, env: { NO_COLOR, TERM } },
    });
    return opened.kind === "opened" ? opened.url : undefined;
  }

  opened(connection: number, address: string, timeMs: number): void {
    this.#batch.opened(connection, address, timeMs);
    this.#schedule();
  }

  data(connection: number, from: Side, bytes: Uint8Array, timeMs: number): void {
    this.#batch.data(connection, from, bytes, timeMs);
    this.#schedule();
  }

  finished(connection: number, from: Side, timeMs: number): void {
    this.#batch.finished(connection, from, timeMs);
    this.#schedule();
  }

  closed(connection: number, by: CloseEntry["by"], code: string | undefined, timeMs: number): void {
    this.#batch.closed(connection, by, code, timeMs);
    this.#schedule();
  }

  /** Resolves when half of {@link MOST_BEHIND} is decoded. Undefined: less than that is waiting. */
  full(): Promise<void> | undefined {
    if (this.behind <= MOST_BEHIND || this.#failure !== undefined) return undefined;
    if (this.#caughtUp === undefined) this.#noteWaiting();
    return (this.#caughtUp ??= new Promise((resolve) => (this.#resume = resolve)));
  }

  /** Resolves when everything is decoded, printed and recorded. Rejects with the error of the recording. */
  async finish(timeMs: number): Promise<void> {
    this.#flush();
    if (this.behind > MEBIBYTE) this.#note("decoding the last %");
    await this.#ask({ kind: "finish", timeMs });
  }

  /** Ends the thread, whatever it does. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#worker.terminate();
  }

  #schedule(): void {
    if (this.#batch.size >= BATCH_BYTES) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), WAIT_MS);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { columns } = this.#io.stdout;
    if (columns !== this.#columns) this.#send({ kind: "columns", columns: (this.#columns = columns) });
    if (this.#batch.size === 0) return;
    const batch = this.#batch.take();
    if (this.#failure !== undefined) return;
    this.#waiting += batch.size;
    this.#send({ kind: "batch", batch }, [batch.rows.buffer, batch.bytes.buffer]);
  }

  #send(message: ToDecoder, transfer: readonly ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  #ask(message: ToDecoder): Promise<FromDecoder> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure);
      this.#reply = { resolve, reject };
      this.#send(message);
    });
  }

  #receive(message: FromDecoder): void {
    switch (message.kind) {
      case "output":
        this.#io[message.to].write(message.text);
        break;
      case "decoded":
        this.#waiting -= message.size;
        if (this.#waiting <= MOST_BEHIND / 2) this.#goOn();
        break;
      case "failed":
        this.#fail(errorOf(message.error));
        break;
      default:
        this.#reply?.resolve(message);
        this.#reply = undefined;
    }
  }

  #noteWaiting(): void {
    if (performance.now() - this.#notedMs < NOTE_MS) return;
    this.#notedMs = performance.now();
    this.#note("decoding is % behind: the connections are slowed down");
  }

  #note(text: string): void {
    this.#io.stderr.write(`pb: ${text.replace("%", `${Math.round(this.behind / MEBIBYTE)} MiB`)}\n`);
  }

  #goOn(): void {
    this.#resume?.();
    this.#resume = this.#caughtUp = undefined;
  }

  #fail(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#goOn();
    this.#reply?.reject(error);
    this.#reportFailure();
  }
}
