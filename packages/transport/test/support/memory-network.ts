// A server and its clients in one process, connected by memory links that a test can drop, cut and mend.

import type { BrokerOptions, Peer, RootSource } from "@pb/broker";
import { BrokerConfig } from "@pb/broker/extension";
import type { Link, LinkReceiver } from "@pb/broker/extension";
import { linkPair } from "@pb/broker/testing";
import type { MemoryLink } from "@pb/broker/testing";
import { onTestFinished } from "vitest";
import { openBroker, ServerConnections } from "@pb/transport";
import type { Dial, Pulse, ServerConnectionsOptions, ServerEvent } from "@pb/transport";

/** Lets so many bytes pass in both directions together, and then ends a connection. */
export class Valve {
  #left: number;
  /** Bytes that have passed. */
  passed = 0;
  readonly #shut: () => void;

  constructor(bytes: number, shut: () => void) {
    this.#left = bytes;
    this.#shut = shut;
  }

  pass(bytes: Uint8Array, receive: (bytes: Uint8Array) => void): void {
    const part = bytes.subarray(0, this.#left);
    this.#left -= part.length;
    this.passed += part.length;
    if (part.length > 0) receive(part);
    if (part.length < bytes.length) this.#shut();
  }
}

/** A memory link with the counters that liveness needs. */
export class PulsedLink implements Link, Pulse {
  readonly #link: MemoryLink;
  readonly peer: Peer;
  lastReceived: number = performance.now();
  lastLeft: number = performance.now();
  sentBytes = 0;
  isPaused = false;
  readonly #valve: Valve | undefined;

  constructor(link: MemoryLink, valve?: Valve) {
    this.#link = link;
    this.#valve = valve;
    this.peer = link.peer;
  }

  get role(): "listener" | "initiator" {
    return this.#link.role;
  }

  get queuedBytes(): number {
    return this.#link.queuedBytes;
  }

  get leftBytes(): number {
    return this.sentBytes - this.#link.queuedBytes;
  }

  start(receiver: LinkReceiver): void {
    this.#link.start({
      received: (bytes) => {
        this.lastReceived = performance.now();
        if (this.#valve === undefined) receiver.received(bytes);
        else this.#valve.pass(bytes, (part) => receiver.received(part));
      },
      drained: () => {
        this.lastLeft = performance.now();
        receiver.drained();
      },
      lost: (cause) => receiver.lost(cause),
    });
  }

  send(bytes: Uint8Array): void {
    this.sentBytes += bytes.length;
    this.#link.send(bytes);
  }

  close(): void {
    this.#link.close();
  }

  destroy(): void {
    this.#link.destroy();
  }

  pause(): void {
    this.isPaused = true;
    this.#link.pause();
  }

  resume(): void {
    this.isPaused = false;
    this.#link.resume();
  }
}

/** Connects clients to one server. */
export class MemoryNetwork {
  readonly #accept: (link: PulsedLink) => void;
  #links: MemoryLink[] = [];
  #isCut = false;
  /** The number of connections that were made. */
  made = 0;
  /** After how many bytes the next connections end: one number for each. */
  readonly cuts: number[] = [];
  /** What passes over the last connection, if it ends after a number of bytes. */
  valve: Valve | undefined;

  constructor(accept: (link: PulsedLink) => void) {
    this.#accept = accept;
  }

  /** Makes connections for clients with these options. */
  dial(options: BrokerOptions | BrokerConfig = {}): Dial {
    return async (signal) => {
      const { listener, initiator } = linkPair({ isRecorded: false });
      this.made++;
      this.#links.push(listener, initiator);
      if (this.#isCut) this.#hold([listener, initiator]);
      const cut = this.cuts.shift();
      this.valve = cut === undefined ? undefined : new Valve(cut, () => listener.cut());
      this.#accept(new PulsedLink(listener, this.valve));
      const pulse = new PulsedLink(initiator, this.valve);
      return { broker: await openBroker(pulse, options, { signal }), pulse };
    };
  }

  /** Ends all connections. Both ends are told. */
  drop(): void {
    for (const link of this.#links.splice(0)) link.cut();
  }

  /**
   * From now on, nothing arrives over the existing connections, and neither end is told. With `all`, new connections
   * are cut too.
   */
  cut({ all = false } = {}): void {
    this.#isCut = all;
    this.#hold(this.#links);
  }

  /** Ends a `cut({ all: true })` for new connections. */
  mend(): void {
    this.#isCut = false;
  }

  #hold(links: readonly MemoryLink[]): void {
    for (const link of links) link.hold();
  }
}

/** A server in memory and the network in front of it. Both end with the test. */
export function serve(
  root: RootSource,
  options: Omit<ServerConnectionsOptions, "config"> & { readonly broker?: BrokerOptions } = {},
): { readonly connections: ServerConnections; readonly network: MemoryNetwork; readonly events: ServerEvent[] } {
  const { broker, ...others } = options;
  const connections = new ServerConnections({ ...others, config: new BrokerConfig({ ...broker, root }) });
  const events: ServerEvent[] = [];
  connections.onEvent((event) => events.push(event));
  const network = new MemoryNetwork((link) => {
    const incoming = { address: "192.0.2.1", peer: "memory", destroy: () => link.destroy() };
    const admitted = connections.admit(incoming);
    void admitted?.serve(link).closed.then(() => admitted.closed());
  });
  onTestFinished(() => connections.destroy());
  return { connections, network, events };
}

/** A connection to the server of a network. It ends with the test. */
export async function connectTo(network: MemoryNetwork, options?: BrokerOptions) {
  const { broker } = await network.dial(options)(new AbortController().signal);
  onTestFinished(() => broker.close());
  return broker;
}
