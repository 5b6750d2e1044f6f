// Connects a server and a client in one process, records their messages, and reports what they failed to release.

import { addDisposal, asyncDispose, inspect, pb, Scanner } from "@pb/banana";
import { Broker } from "../broker.js";
import { BrokerConfig } from "../engine/config.js";
import type { BrokerOptions } from "../engine/config.js";
import { printErrors } from "../features/print-errors.js";
import { linkPair } from "../link/memory-link.js";
import type { LinkPairOptions, MemoryLink } from "../link/memory-link.js";
import type { BrokerStats } from "../stats.js";

/**
 * How many times `expectNothingLeft` checks before it fails: finalizers of collected objects run some turns of the
 * event loop later.
 */
const MAX_CHECKS = 10;

/**
 * Creates a server and a client that are connected in memory, and resolves when both are ready. Declare the result with
 * `await using`, or close it at the end of the test. Without an `onEvent`, errors of methods and callbacks are printed
 * with `console.warn`.
 */
export async function connectedPair(
  server: BrokerOptions | BrokerConfig,
  client: BrokerOptions | BrokerConfig = {},
  options?: LinkPairOptions,
): Promise<ConnectedPair> {
  const links = linkPair(options);
  const pair = new ConnectedPair(
    new Broker(links.listener, withTestDefaults(server)),
    new Broker(links.initiator, withTestDefaults(client)),
    links,
  );
  await Promise.all([pair.server.ready, pair.client.ready]);
  return pair;
}

const print = printErrors("give connectedPair an onEvent to observe this");

/**
 * How much is read in one turn must not depend on the speed of the machine, unless a test is about that. And without an
 * `onEvent`, errors of the program are printed, as a transport does.
 */
function withTestDefaults(options: BrokerOptions | BrokerConfig): BrokerOptions | BrokerConfig {
  if (options instanceof BrokerConfig) return options;
  BrokerConfig.of(options); // Refuses a bad option, before it is completed.
  const { onEvent = print, limits } = options;
  return { ...options, onEvent, limits: { turnMs: Infinity, ...limits } };
}

/**
 * Two brokers on the ends of one {@link linkPair}. Their `links` can hold messages back and be cut:
 *
 * ```ts
 * await using pair = await connectedPair({ root: new Shop() });
 * const shop = await pair.client.getRootObject<Shop>();
 * pair.links.initiator.hold();              // nothing is delivered to the client for now
 * const sold = shop.callRemote("sell", 3);
 * await pair.settled();                     // the server has answered
 * pair.links.initiator.release();
 * await sold;
 * await pair.expectNothingLeft();           // every reference, cache and call was released
 * ```
 */
export class ConnectedPair {
  static {
    addDisposal(this, asyncDispose);
  }

  readonly server: Broker;
  readonly client: Broker;
  readonly links: { readonly listener: MemoryLink; readonly initiator: MemoryLink };

  constructor(server: Broker, client: Broker, links: ReturnType<typeof linkPair>) {
    this.server = server;
    this.client = client;
    this.links = links;
  }

  /**
   * Resolves when no more messages are exchanged: all sent messages have arrived, and so have the messages that they
   * caused. Does not wait for messages that are held back, or for timers.
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
   * The messages that were exchanged, one per line: `client: (message 1 root echo 1 (tuple 1) (dictionary))`. `since`
   * is the number of lines to skip: `const before = pair.transcript().length; …; pair.transcript(before)`.
   */
  transcript(since = 0): string[] {
    const { listener, initiator } = this.links;
    // The scanner of the dialect `pb` also reads the dialect `none`, which is a subset of it.
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

  /**
   * Describes what the two ends hold now: references, caches and calls, one line each. Empty when they hold nothing.
   */
  leftovers(): string[] {
    return [...describe("server", this.server.stats()), ...describe("client", this.client.stats())];
  }

  /**
   * Rejects when an end still holds a reference, a cache or a pending call after all messages were exchanged. The error
   * lists them.
   *
   * References and caches that the program dropped without disposing of them are held until they are collected. Run
   * Node with `--expose-gc`, and this method collects them.
   *
   * Throws `TypeError` when the connection has ended, because nothing is held then.
   */
  async expectNothingLeft(): Promise<void> {
    if (!this.server.isOpen || !this.client.isOpen) {
      throw new TypeError("The connection has ended and released everything. Call expectNothingLeft before that.");
    }
    for (let checks = 0; checks < MAX_CHECKS; checks++) {
      await this.settled();
      if (this.leftovers().length === 0) return;
      (globalThis as { readonly gc?: () => void }).gc?.();
    }
    throw new Error(`Not released:\n${this.leftovers().join("\n")}`);
  }

  /** Closes both ends. */
  async close(): Promise<void> {
    await Promise.all([this.server.close(), this.client.close()]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** The counters of `BrokerStats` that must return to zero, and their descriptions. */
const descriptions = {
  referencesGiven: "objects referenced by the peer",
  referencesHeld: "references to objects of the peer",
  cachesGiven: "objects cached by the peer",
  cachesHeld: "caches of objects of the peer",
  callsWaiting: "pending calls",
  callsRunning: "running calls",
} satisfies Partial<Record<keyof BrokerStats, string>>;

function describe(end: string, stats: BrokerStats): string[] {
  return (Object.keys(descriptions) as (keyof typeof descriptions)[])
    .filter((key) => stats[key] > 0)
    .map((key) => `  the ${end}: ${stats[key]} ${descriptions[key]}`);
}
