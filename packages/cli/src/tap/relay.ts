// Passes bytes between two sockets, unchanged: with the backpressure, the half-closing and the errors of each side.

import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Side } from "../conversation/messages.js";
import { otherSide } from "../conversation/messages.js";
import { codeOf } from "../errors.js";

/** Milliseconds that the sockets get to send what they hold, when the tap is interrupted. */
const CLOSING_MS = 1_000;

/** What happens on a {@link Relay}. */
export interface RelayListener {
  /** The bytes were passed on. */
  data(from: Side, bytes: Uint8Array): void;
  /** The side sends nothing more. */
  finished(from: Side): void;
  /** Both sockets are closed. `by` closed first. */
  closed(by: Side | "tap", code: string | undefined): void;
  /** Resolves when more bytes can be taken. Undefined: now. */
  full(): Promise<void> | undefined;
}

export class Relay {
  readonly #sockets: Readonly<Record<Side, Duplex>>;
  readonly #listener: RelayListener;
  #by: Side | "tap" | undefined;
  #code: string | undefined;
  #open = 2;
  readonly #finished = new Set<Side>();
  /** For each socket that is paused, how many it waits for. */
  readonly #waiting = new Map<Duplex, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(client: Duplex, server: Duplex, listener: RelayListener) {
    this.#sockets = { client, server };
    this.#listener = listener;
    for (const side of ["client", "server"] as const) {
      const socket = this.#sockets[side];
      socket.allowHalfOpen = true;
      if (socket instanceof Socket) socket.setNoDelay(true);
      this.#pump(side);
    }
  }

  /** Ends both connections, after what they hold is sent. */
  close(): void {
    this.#by ??= "tap";
    const { client, server } = this.#sockets;
    for (const socket of [client, server]) socket.end();
    this.#timer ??= setTimeout(() => {
      client.destroy();
      server.destroy();
    }, CLOSING_MS);
  }

  #pump(from: Side): void {
    const source = this.#sockets[from];
    const target = this.#sockets[otherSide(from)];
    source
      .on("data", (chunk: Uint8Array) => {
        if (!target.writable) return;
        const isTaken = target.write(chunk);
        this.#listener.data(from, chunk);
        if (!isTaken) this.#pause(source, drained(target));
        const full = this.#listener.full();
        if (full !== undefined) this.#pause(source, full);
      })
      .on("end", () => this.#end(from))
      .on("error", (error) => {
        this.#by ??= from;
        this.#code ??= codeOf(error) ?? "ERROR";
      })
      .on("close", () => this.#close(from))
      .resume();
  }

  /** Waits for everything that it was paused for. */
  #pause(source: Duplex, until: Promise<unknown>): void {
    const waiting = (this.#waiting.get(source) ?? 0) + 1;
    this.#waiting.set(source, waiting);
    source.pause();
    void until.finally(() => {
      const left = this.#waiting.get(source)! - 1;
      this.#waiting.set(source, left);
      if (left === 0) source.resume();
    });
  }

  #end(from: Side): void {
    this.#by ??= from;
    this.#finish(from);
    this.#sockets[otherSide(from)].end();
  }

  #finish(from: Side): void {
    if (this.#finished.has(from)) return;
    this.#finished.add(from);
    this.#listener.finished(from);
  }

  /** A socket that closes before it has ended was reset: the other one is reset too. */
  #close(side: Side): void {
    this.#by ??= side;
    const other = this.#sockets[otherSide(side)];
    if (!other.destroyed) {
      if (this.#finished.has(side) && this.#code === undefined) other.end();
      else if (other instanceof Socket && this.#code === "ECONNRESET") other.resetAndDestroy();
      else other.destroy();
    }
    if (--this.#open > 0) return;
    clearTimeout(this.#timer);
    this.#listener.closed(this.#by, this.#code);
  }
}

/** Resolves when the socket can take more bytes, or is closed. */
function drained(socket: Duplex): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off("drain", done).off("close", done);
      resolve();
    };
    socket.on("drain", done).on("close", done);
  });
}
