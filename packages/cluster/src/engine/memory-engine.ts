// The engine for tests and for clusters of one process: everything is in memory.

import { Subscriptions } from "@pb/broker/extension";
import { checkNumber, checkOptions, dispose } from "@pb/jelly-types";
import { EngineError } from "../errors.js";
import type { ClusterEngine, EngineState, Following, Lease } from "./engine.js";
import { MemoryServer } from "./memory-server.js";

/** Options of {@link MemoryEngine}. */
export interface MemoryEngineOptions {
  /** The engines with the same server belong together. Default: a server of its own, for a cluster of one node. */
  readonly server?: MemoryServer | undefined;
  /** The most bytes of a record or a message. Default 1,048,576, as in NATS, so that tests find what is too large. */
  readonly maxBytes?: number | undefined;
}

/** An engine in the memory of one process. Its logs and keys are gone when the process ends. */
export class MemoryEngine implements ClusterEngine {
  readonly maxBytes: number;
  readonly #server: MemoryServer;
  readonly #states = new Subscriptions<[EngineState]>();
  /** By key. */
  readonly #leases = new Map<string, AbortController>();
  /** What reads the logs and the keys, until it is closed. */
  readonly #pumps = new Set<Pump>();
  readonly #unlisten = new Set<() => void>();
  #state: EngineState = "connected";

  /** Throws `TypeError` for a bad option. */
  constructor(options: MemoryEngineOptions = {}) {
    checkOptions<MemoryEngineOptions>(options, { server: MemoryServer, maxBytes: "any" });
    const { server = new MemoryServer(), maxBytes = 1_048_576 } = options;
    checkNumber("The option maxBytes", maxBytes, { least: 1, isWhole: true });
    this.#server = server;
    this.maxBytes = maxBytes;
  }

  get state(): EngineState {
    return this.#state;
  }

  onState(listener: (state: EngineState) => void): () => void {
    const subscription = this.#states.add(listener);
    return () => subscription[dispose]();
  }

  async claim(key: string, holder: string): Promise<Lease | undefined> {
    await this.reach();
    if (!this.#server.claim(key, holder, this)) return undefined;
    const lost = new AbortController();
    this.#leases.set(key, lost);
    const release = async (): Promise<void> => {
      if (this.#leases.get(key) !== lost) return;
      this.#forget(key);
      this.#server.release(key, this);
    };
    return { release, lost: lost.signal };
  }

  watch(prefix: string, listener: (key: string, holder: string | undefined) => void): () => void {
    const changed = new Map<string, string | undefined>();
    const note = (key: string, holder: string | undefined): void => {
      if (key.startsWith(`${prefix}.`)) changed.set(key, holder);
    };
    for (const [key, { holder }] of this.#server.holders()) note(key, holder);
    const pump = new Pump(
      () => this.reach(),
      () => {
        const first = changed.entries().next();
        if (first.done === true) return undefined;
        changed.delete(first.value[0]);
        return () => listener(...first.value);
      },
    );
    const unwatch = this.#server.watch((key, holder) => {
      note(key, holder);
      pump.wake();
    });
    return this.#start(pump, unwatch);
  }

  async append(
    log: string,
    record: Uint8Array,
    after: number,
    { replace = false }: { readonly replace?: boolean } = {},
  ): Promise<number> {
    const bytes = record.slice();
    this.#requireSize("record", bytes);
    await this.reach();
    const number = this.#server.append(log, bytes, after, replace);
    await this.acknowledge();
    return number;
  }

  async follow(log: string, listener: (record: Uint8Array, number: number) => void): Promise<Following> {
    let last = 0;
    const pump = new Pump(
      () => this.reach(),
      () => {
        const record = this.#server.next(log, last);
        if (record === undefined) return undefined;
        last = record.number;
        return () => listener(record.bytes.slice(), record.number);
      },
    );
    await this.reach();
    const close = this.#start(
      pump,
      this.#server.follow(log, () => pump.wake()),
    );
    await pump.idle();
    return { close };
  }

  send(subject: string, bytes: Uint8Array): void {
    this.#requireSize("message", bytes);
    if (this.#state === "closed") throw closed();
    if (this.#state === "connected") this.#server.send(subject, bytes);
  }

  listen(subject: string, listener: (bytes: Uint8Array) => void): () => void {
    const unlisten = this.#server.listen(subject, (bytes) => {
      const isLost = this.#state !== "connected";
      if (!isLost) queueMicrotask(() => void (this.#unlisten.has(end) ? this.#deliver(listener, bytes) : undefined));
    });
    const end = (): void => {
      unlisten();
      this.#unlisten.delete(end);
    };
    this.#unlisten.add(end);
    return end;
  }

  async close(): Promise<void> {
    if (this.#state === "closed") return;
    for (const key of [...this.#leases.keys()]) {
      this.#forget(key);
      this.#server.release(key, this);
    }
    this.setState("closed");
    for (const end of [...this.#unlisten]) end();
  }

  /** @internal Resolves when the server can be reached. Rejects with `EngineError`. Before each step of this engine. */
  protected async reach(): Promise<void> {
    await Promise.resolve();
    if (this.#state === "closed") throw closed();
    if (this.#state === "away") throw new EngineError("ENGINE_AWAY", "The engine is away");
  }

  /** @internal After each record that was appended. */
  protected async acknowledge(): Promise<void> {}

  /** @internal */
  protected setState(state: EngineState): void {
    if (this.#state === state || this.#state === "closed") return;
    this.#state = state;
    if (state === "connected") this.#noticeLostLeases();
    for (const listener of this.#states) listener(state);
    if (state === "connected") for (const pump of [...this.#pumps]) pump.wake();
  }

  /** @internal Lets the leases expire at the server, without the knowledge of this engine. */
  protected expireLeases(): void {
    for (const key of this.#leases.keys()) this.#server.release(key, this);
  }

  #noticeLostLeases(): void {
    for (const key of [...this.#leases.keys()]) if (!this.#server.holds(key, this)) this.#forget(key);
  }

  #forget(key: string): void {
    const lost = this.#leases.get(key);
    this.#leases.delete(key);
    lost?.abort();
  }

  async #deliver(listener: (bytes: Uint8Array) => void, bytes: Uint8Array): Promise<void> {
    try {
      await this.reach();
    } catch {
      return; // The message is lost.
    }
    listener(bytes);
  }

  #start(pump: Pump, unsubscribe: () => void): () => void {
    const end = (): void => {
      unsubscribe();
      pump.close();
      this.#pumps.delete(pump);
      this.#unlisten.delete(end);
    };
    this.#unlisten.add(end);
    this.#pumps.add(pump);
    pump.wake();
    return end;
  }

  #requireSize(what: string, { length }: Uint8Array): void {
    if (length <= this.maxBytes) return;
    throw new EngineError("ENGINE_TOO_LARGE", `The ${what} has ${length} bytes, more than ${this.maxBytes}`);
  }
}

function closed(): EngineError {
  return new EngineError("ENGINE_CLOSED", "The engine was closed");
}

/** Delivers what there is, one by one and in order, whenever it is woken. */
class Pump {
  readonly #reach: () => Promise<void>;
  readonly #next: () => (() => void) | undefined;
  #isClosed = false;
  #isAwake = false;
  #run: Promise<void> = Promise.resolve();

  /** `next` takes the next delivery. Undefined: there is none now. */
  constructor(reach: () => Promise<void>, next: () => (() => void) | undefined) {
    this.#reach = reach;
    this.#next = next;
  }

  wake(): void {
    if (this.#isAwake || this.#isClosed) return;
    this.#isAwake = true;
    this.#run = this.#deliver();
  }

  /** Resolves when there is nothing to deliver, or the engine is away. */
  async idle(): Promise<void> {
    await this.#run;
  }

  close(): void {
    this.#isClosed = true;
  }

  async #deliver(): Promise<void> {
    try {
      for (;;) {
        await this.#reach();
        const deliver = this.#isClosed ? undefined : this.#next();
        if (deliver === undefined) return;
        deliver();
      }
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
    } finally {
      this.#isAwake = false;
    }
  }
}
