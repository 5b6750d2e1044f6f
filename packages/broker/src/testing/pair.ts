// A server and a client in one process, and what a test wants to know of them: what they said, and what they have left behind.

import { inspect, pb, Scanner } from "@pb/banana";
import { Broker } from "../broker.js";
import type { BrokerConfig, BrokerOptions } from "../engine/config.js";
import { linkPair } from "../link/memory-link.js";
import type { LinkPairOptions, MemoryLink } from "../link/memory-link.js";
import type { BrokerStats } from "../stats.js";

/** Looks that are taken before what is left counts as left: a collection of garbage shows only some turns later. */
const LOOKS = 10;

/** A server and a client, ready to call. Leave it with `await using`, or close an end, when the test is over. */
export async function connectedPair(
  server: BrokerOptions | BrokerConfig,
  client: BrokerOptions | BrokerConfig = {},
  options?: LinkPairOptions,
): Promise<ConnectedPair> {
  const links = linkPair(options);
  const pair = new ConnectedPair(new Broker(links.listener, server), new Broker(links.initiator, client), links);
  await Promise.all([pair.server.ready, pair.client.ready]);
  return pair;
}

/**
 * Two brokers on the ends of one {@link linkPair}. Their `links` can hold messages back and be cut:
 *
 * ```ts
 * await using pair = await connectedPair({ root: new Shop() });
 * const shop = await pair.client.getRootObject<Shop>();
 * pair.links.initiator.hold();              // the client hears nothing for now
 * const sold = shop.callRemote("sell", 3);
 * await pair.settled();                     // the server has answered
 * pair.links.initiator.release();
 * await sold;
 * await pair.expectNothingLeft();           // no reference, no cache, no call is left behind
 * ```
 */
export class ConnectedPair {
  readonly server: Broker;
  readonly client: Broker;
  readonly links: { readonly listener: MemoryLink; readonly initiator: MemoryLink };

  constructor(server: Broker, client: Broker, links: ReturnType<typeof linkPair>) {
    this.server = server;
    this.client = client;
    this.links = links;
  }

  /**
   * Resolves when nothing moves any more: what was sent has arrived, and what that set off is sent and has arrived too. What is held back stays
   * held back, and what waits for a timer is not waited for.
   */
  async settled(): Promise<void> {
    const { traffic } = this.links.listener;
    let seen: number;
    do {
      seen = traffic.length;
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
    } while (traffic.length > seen);
  }

  /**
   * Everything that was said, one message a line: `client: (message 1 root echo 1 (tuple 1) (dictionary))`. `since` leaves out what was said
   * before: `const before = pair.transcript().length; …; pair.transcript(before)`.
   */
  transcript(since = 0): string[] {
    const { listener, initiator } = this.links;
    // Words of the vocabulary are read where there are any: none means none.
    const scanners = new Map([listener, initiator].map((link) => [link, new Scanner({ dialect: pb })]));
    const lines: string[] = [];
    for (const { from, bytes } of listener.traffic) {
      const scanner = scanners.get(from)!;
      scanner.push(bytes);
      for (let message = scanner.next(); message !== undefined; message = scanner.next()) {
        lines.push(`${from === listener ? "server" : "client"}: ${inspect(message)}`);
      }
    }
    return lines.slice(since);
  }

  /** What the ends hold at the moment, in words: empty when it is nothing. */
  leftovers(): string[] {
    return [...describe("server", this.server.stats()), ...describe("client", this.client.stats())];
  }

  /**
   * Rejects with a list when an end still holds something once everything has settled: a reference, a cache, a call without an answer.
   *
   * References and caches that the program let go of without disposing of them are left until they are collected. Run Node with `--expose-gc`,
   * and they are collected here.
   */
  async expectNothingLeft(): Promise<void> {
    if (!this.server.isOpen || !this.client.isOpen) {
      throw new TypeError("The connection is over, and with it everything it held: count before that");
    }
    for (let look = 0; look < LOOKS; look++) {
      await this.settled();
      if (this.leftovers().length === 0) return;
      (globalThis as { readonly gc?: () => void }).gc?.();
    }
    throw new Error(`Something is left behind:\n${this.leftovers().join("\n")}`);
  }

  /** Closes both ends. */
  async close(): Promise<void> {
    await Promise.all([this.server.close(), this.client.close()]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** What must be given back, of all that is counted. */
const words = {
  referencesGiven: "objects given to the other end",
  referencesHeld: "references to objects of the other end",
  cachesGiven: "objects cached at the other end",
  cachesHeld: "caches of objects of the other end",
  callsWaiting: "calls waiting for an answer",
  callsRunning: "calls running",
} satisfies Partial<Record<keyof BrokerStats, string>>;

function describe(end: string, stats: BrokerStats): string[] {
  return (Object.keys(words) as (keyof typeof words)[])
    .filter((key) => stats[key] > 0)
    .map((key) => `  the ${end}: ${stats[key]} ${words[key]}`);
}
