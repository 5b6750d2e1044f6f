// What a running command tells the master, in order: one message at a time is under way, and what comes meanwhile goes together into the next.

import { describeError, RemoteError } from "@pb/broker";
import { tuple } from "@pb/jelly-types";
import type { Remote, RemoteCommand, Update } from "./master.js";

/** Characters of one update: far below what a string may be (655,360 bytes), whatever they are. */
const LONGEST_TEXT = 64 * 1024;
/** Characters that may wait for the master before the command is made to wait. */
const ENOUGH = 1024 * 1024;

type Stream = "stdout" | "stderr" | "header";

export class Report {
  readonly #command: Remote<RemoteCommand>;
  #waiting: { readonly update: Update; readonly size: number }[] = [];
  #size = 0;
  #sending: Promise<void> | undefined;

  constructor(command: Remote<RemoteCommand>) {
    this.#command = command;
  }

  text(stream: Stream, text: string): void {
    for (const piece of pieces(text)) this.#add({ [stream]: piece }, piece.length);
  }

  /** A log file beside the output. */
  log(name: string, text: string): void {
    for (const piece of pieces(text)) this.#add({ log: tuple(name, piece) }, piece.length);
  }

  tell(update: Update): void {
    this.#add(update, 0);
  }

  /** Resolves when the master has taken enough of what it was told. Output that is read only then cannot fill the memory. */
  async room(): Promise<void> {
    while (this.#size > ENOUGH && this.#sending !== undefined) await this.#sending;
  }

  /** Says that the command is over, after all that was told before. `error`: it could not do its work. */
  async complete(error?: unknown): Promise<void> {
    while (this.#sending !== undefined) await this.#sending;
    const failure = error instanceof RemoteError ? error : new RemoteError(describeError(error));
    await this.#command.callRemote("complete", error === undefined ? null : failure);
    this.#command[Symbol.dispose]();
  }

  #add(update: Update, size: number): void {
    this.#waiting.push({ update, size });
    this.#size += size;
    this.#sending ??= this.#send().finally(() => (this.#sending = undefined));
  }

  async #send(): Promise<void> {
    await Promise.resolve(); // what is told in one turn goes together
    while (this.#waiting.length > 0) {
      const taken = this.#take();
      try {
        await this.#command.callRemote(
          "update",
          taken.map(({ update }) => [update, 0] as const),
        );
      } catch {
        // The master could not use it, or is gone: the command goes on, or hears of it by its signal.
      }
      for (const { size } of taken) this.#size -= size;
    }
  }

  /** The next updates, of about one text's length. */
  #take(): { readonly update: Update; readonly size: number }[] {
    let total = 0;
    let count = 0;
    for (const { size } of this.#waiting) {
      if (count > 0 && total + size > LONGEST_TEXT) break;
      total += size;
      count++;
    }
    return this.#waiting.splice(0, count);
  }
}

/** Cuts a text so that no piece is too long, and no character is cut in two. */
function* pieces(text: string): Generator<string> {
  let start = 0;
  while (text.length - start > LONGEST_TEXT) {
    let end = start + LONGEST_TEXT;
    if (/[\uD800-\uDBFF]/.test(text[end - 1]!)) end--;
    yield text.slice(start, end);
    start = end;
  }
  if (start < text.length) yield text.slice(start);
}
