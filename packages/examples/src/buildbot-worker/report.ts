// Sends the updates of a running command to the master, in order. One call is in flight at a time; updates that are
// added meanwhile are sent together in the next one.

import { describeError, RemoteError } from "@pb/broker";
import { tuple } from "@pb/jelly-types";
import type { Remote, RemoteCommand, Update } from "./master.js";

/** Characters of one update. In UTF-8 they stay below the 655,360 bytes that Banana allows for a string. */
const MAX_TEXT = 64 * 1024;
/** Characters of pending updates at which `drain` starts to wait. */
const HIGH_WATER_MARK = 1024 * 1024;

type Stream = "stdout" | "stderr" | "header";

export class Report {
  readonly #command: Remote<RemoteCommand>;
  #pending: { readonly update: Update; readonly size: number }[] = [];
  #size = 0;
  #sending: Promise<void> | undefined;

  constructor(command: Remote<RemoteCommand>) {
    this.#command = command;
  }

  /** Adds output of the command. */
  text(stream: Stream, text: string): void {
    for (const piece of pieces(text)) this.#add({ [stream]: piece }, piece.length);
  }

  /** Adds text of a log file. */
  log(name: string, text: string): void {
    for (const piece of pieces(text)) this.#add({ log: tuple(name, piece) }, piece.length);
  }

  /** Adds any other update, for example `{ rc: 0 }`. */
  update(update: Update): void {
    this.#add(update, 0);
  }

  /** Resolves when few updates are pending. Call it between reads of output: this bounds the memory for output. */
  async drain(): Promise<void> {
    while (this.#size > HIGH_WATER_MARK && this.#sending !== undefined) await this.#sending;
  }

  /** Sends all updates, then completes the command. With `error` the build ends with an exception. */
  async complete(error?: unknown): Promise<void> {
    while (this.#sending !== undefined) await this.#sending;
    const failure = error instanceof RemoteError ? error : new RemoteError(describeError(error));
    await this.#command.callRemote("complete", error === undefined ? null : failure);
    this.#command[Symbol.dispose]();
  }

  #add(update: Update, size: number): void {
    this.#pending.push({ update, size });
    this.#size += size;
    this.#sending ??= this.#send().finally(() => (this.#sending = undefined));
  }

  async #send(): Promise<void> {
    await Promise.resolve(); // Updates of one turn are sent together.
    while (this.#pending.length > 0) {
      const batch = this.#takeBatch();
      try {
        await this.#command.callRemote(
          "update",
          batch.map(({ update }) => [update, 0] as const),
        );
      } catch {
        // The master rejected the updates, or is disconnected. A disconnect stops the command with its signal.
      }
      for (const { size } of batch) this.#size -= size;
    }
  }

  /** Removes the next updates from the queue: as many as have MAX_TEXT characters together, but at least one. */
  #takeBatch(): { readonly update: Update; readonly size: number }[] {
    let total = 0;
    let count = 0;
    for (const { size } of this.#pending) {
      if (count > 0 && total + size > MAX_TEXT) break;
      total += size;
      count++;
    }
    return this.#pending.splice(0, count);
  }
}

/** Splits a text into pieces of at most MAX_TEXT characters, never between two surrogates. */
function* pieces(text: string): Generator<string> {
  let start = 0;
  while (text.length - start > MAX_TEXT) {
    let end = start + MAX_TEXT;
    if (/[\uD800-\uDBFF]/.test(text[end - 1]!)) end--;
    yield text.slice(start, end);
    start = end;
  }
  if (start < text.length) yield text.slice(start);
}
