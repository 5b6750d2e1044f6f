// A peer that sends and receives raw expressions, so that a test can send what no broker sends and see the bytes of a
// broker.

import { encode, inspect, pb, Scanner } from "@pb/banana";
import type { Dialect, Expression } from "@pb/banana";
import { Broker } from "@pb/broker";
import { BrokerConfig } from "@pb/broker/extension";
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
  /** Whether the connection has ended. */
  isClosed = false;

  constructor(link: MemoryLink, dialect: Dialect = pb) {
    this.#link = link;
    this.#dialect = dialect;
    this.#scanner = new Scanner({ dialect });
    link.start({
      received: (bytes) => this.#received(bytes),
      drained: () => undefined,
      lost: () => (this.isClosed = true),
    });
  }

  /** Sends expressions in one chunk. A string is parsed by `sexp`. */
  async send(...expressions: (string | Expression)[]): Promise<void> {
    const encoded = expressions.map((expression) =>
      encode(typeof expression === "string" ? sexp(expression) : expression, { dialect: this.#dialect }),
    );
    await this.sendBytes(Buffer.concat(encoded));
  }

  async sendBytes(bytes: Uint8Array): Promise<void> {
    this.#link.send(Uint8Array.from(bytes));
    await settled();
  }

  /** Takes the messages that the broker has sent since the last call, as text. */
  received(): string[] {
    return this.takeExpressions().map((expression) => inspect(expression));
  }

  /** Takes the messages that the broker has sent since the last call. */
  takeExpressions(): Expression[] {
    return this.#messages.splice(0).map(({ expression }) => expression);
  }

  /** Takes the next message of the broker with its bytes. Undefined when there is none. */
  takeMessage(): RawMessage | undefined {
    return this.#messages.shift();
  }

  /** Closes the connection. */
  async close(): Promise<void> {
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

/** Creates a broker of the given role, and a peer that has not sent anything. */
export function brokerAndUnnegotiatedPeer(
  role: "listener" | "initiator",
  options: BrokerOptions | BrokerConfig = {},
  pairOptions?: LinkPairOptions,
  dialect?: Dialect,
): { broker: Broker; peer: RawPeer } {
  const links = linkPair(pairOptions);
  const peerLink = role === "listener" ? links.initiator : links.listener;
  // How much is read in one turn must not depend on the speed of the machine.
  const limits = { turnMs: Infinity, ...options.limits };
  const config = options instanceof BrokerConfig ? options : { ...options, limits };
  return { peer: new RawPeer(peerLink, dialect), broker: new Broker(links[role], config) };
}

/**
 * Creates a ready broker of the given role, and a peer that has agreed with it on a dialect. The messages of the
 * negotiation have been taken.
 */
export async function brokerAndPeer(
  role: "listener" | "initiator",
  options: BrokerOptions | BrokerConfig = {},
  pairOptions?: LinkPairOptions,
  dialect: Dialect = pb,
): Promise<{ broker: Broker; peer: RawPeer }> {
  const ends = brokerAndUnnegotiatedPeer(role, options, pairOptions, dialect);
  await ends.peer.send(role === "listener" ? dialect.name : `(${dialect.name})`, "(version 6)");
  await ends.broker.ready;
  ends.peer.takeExpressions();
  return ends;
}

/** Resolves after three turns of the event loop: pending promises, deliveries and scheduled writes have run. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/**
 * Resolves with the error that a promise rejects with. Rejects when the promise resolves. The rejection counts as
 * handled from this call on.
 */
export function rejection(promise: Promise<unknown>): Promise<unknown> {
  const caught = promise.then(
    (value) => Promise.reject(new Error(`Expected a rejection, got ${String(value)}`)),
    (error: unknown) => error,
  );
  caught.catch(() => undefined);
  return caught;
}
