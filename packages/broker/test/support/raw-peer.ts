// The other end of a connection as bare messages: it can say what no broker would, and shows what a broker says.

import { encode, inspect, pb, Scanner } from "@pb/banana";
import type { Dialect, Expression } from "@pb/banana";
import { Broker } from "@pb/broker";
import type { BrokerOptions } from "@pb/broker";
import { linkPair } from "@pb/broker/testing";
import type { LinkPairOptions, MemoryLink } from "@pb/broker/testing";
import { sexp } from "./sexp.js";

export interface RawMessage {
  readonly expression: Expression;
  readonly bytes: Buffer;
}

export class RawPeer {
  readonly #link: MemoryLink;
  readonly #scanner: Scanner;
  readonly #dialect: Dialect;
  readonly #messages: RawMessage[] = [];
  #unread = Buffer.alloc(0);
  /** Whether the broker hung up. */
  isOver = false;

  constructor(link: MemoryLink, dialect: Dialect = pb) {
    this.#link = link;
    this.#dialect = dialect;
    this.#scanner = new Scanner({ dialect });
    link.start({
      received: (bytes) => this.#received(bytes),
      drained: () => undefined,
      lost: () => (this.isOver = true),
    });
  }

  /** Sends expressions, given as such or as text, in one piece. */
  async say(...expressions: (string | Expression)[]): Promise<void> {
    const encoded = expressions.map((expression) =>
      encode(typeof expression === "string" ? sexp(expression) : expression, { dialect: this.#dialect }),
    );
    await this.sayBytes(Buffer.concat(encoded));
  }

  async sayBytes(bytes: Uint8Array): Promise<void> {
    this.#link.send(Uint8Array.from(bytes));
    await settled();
  }

  /** What the broker said since the last time, as text. */
  heard(): string[] {
    return this.take().map((expression) => inspect(expression));
  }

  /** What the broker said since the last time. */
  take(): Expression[] {
    return this.#messages.splice(0).map(({ expression }) => expression);
  }

  /** The next thing the broker said, and the bytes it was; undefined when there is none. */
  takeOne(): RawMessage | undefined {
    return this.#messages.shift();
  }

  /** Closes its end. */
  async hangUp(): Promise<void> {
    this.#link.close();
    await settled();
  }

  #received(bytes: Uint8Array): void {
    this.#unread = Buffer.concat([this.#unread, bytes]);
    this.#scanner.push(bytes);
    let start = this.#scanner.offset;
    for (let next = this.#scanner.next(); next !== undefined; next = this.#scanner.next()) {
      const length = this.#scanner.offset - start;
      this.#messages.push({ expression: next, bytes: this.#unread.subarray(0, length) });
      this.#unread = this.#unread.subarray(length);
      start += length;
    }
  }
}

/** A broker and a peer that has said nothing yet. `role` is the broker's. */
export function brokerAndStranger(
  role: "listener" | "initiator",
  options: BrokerOptions = {},
  pairOptions?: LinkPairOptions,
  dialect?: Dialect,
): { broker: Broker; peer: RawPeer } {
  const links = linkPair(pairOptions);
  const other = role === "listener" ? links.initiator : links.listener;
  return { peer: new RawPeer(other, dialect), broker: new Broker(links[role], options) };
}

/** A broker and a peer that agree on a dialect. The peer has heard everything up to the version. */
export async function brokerAndPeer(
  role: "listener" | "initiator",
  options: BrokerOptions = {},
  pairOptions?: LinkPairOptions,
  dialect: Dialect = pb,
): Promise<{ broker: Broker; peer: RawPeer }> {
  const ends = brokerAndStranger(role, options, pairOptions, dialect);
  await ends.peer.say(role === "listener" ? dialect.name : `(${dialect.name})`, "(version 6)");
  await ends.broker.ready;
  ends.peer.take();
  return ends;
}

/** Resolves when everything that was started has run: promises, deliveries, writes of a turn. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** What a promise rejects with, watched from now on. Rejects when it resolves. */
export function rejection(promise: Promise<unknown>): Promise<unknown> {
  const caught = promise.then(
    (value) => Promise.reject(new Error(`Expected a rejection, got ${String(value)}`)),
    (error: unknown) => error,
  );
  caught.catch(() => undefined);
  return caught;
}
