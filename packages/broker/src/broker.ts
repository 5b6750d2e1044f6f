// One connection: two equal ends that call each other's objects (wire specification 5; `twisted.spread.pb.Broker`).

import { Session } from "@pb/banana";
import type { Dialect, Expression } from "@pb/banana";
import { Unjellier } from "@pb/jelly-types";
import type { Callable, Perspective } from "./callable.js";
import { Outgoing } from "./connection.js";
import type { CallDetails } from "./connection.js";
import { CallTimeoutError, ConnectionLostError, isExpected, PBError, ProtocolError } from "./errors.js";
import type { CloseReason } from "./errors.js";
import { RemoteError } from "./failure.js";
import { CacheTarget } from "./flavors/cacheable.js";
import type { RemoteCache } from "./flavors/cacheable.js";
import { RemoteReference } from "./flavors/remote-reference.js";
import { handle, unknownRequest } from "./inbound.js";
import type { Inbound } from "./inbound.js";
import type { Link, Peer } from "./link.js";
import { readMessage, writeVersion } from "./messages.js";
import type { ObjectId } from "./messages.js";
import { BrokerConfig } from "./options.js";
import type { BrokerOptions } from "./options.js";
import { Outbox } from "./outbox.js";
import { sendAnswer, sendCall, sendError, sendReleases } from "./outbound.js";
import { CachesGiven } from "./tables/caches-given.js";
import type { CacheGiven, CacheSource } from "./tables/caches-given.js";
import { CachesHeld } from "./tables/caches-held.js";
import { Calls } from "./tables/calls.js";
import type { PendingCall } from "./tables/calls.js";
import { Exports } from "./tables/exports.js";
import { Imports } from "./tables/imports.js";
import { Services } from "./tables/services.js";
import type { RemoteMethods } from "./types.js";

/** The name of the object a connection starts from. */
const ROOT = "root";

/** Where a connection stands. What exists only while it is ready lives only there. */
type State =
  /** The link is open; no dialect is agreed on. */
  | { readonly is: "negotiating"; readonly timer: ReturnType<typeof setTimeout> }
  /** Both ends can call. */
  | { readonly is: "ready"; readonly tables: Tables }
  /** It is over, for this reason. */
  | { readonly is: "closed"; readonly reason: ConnectionLostError };

/** Everything a live connection remembers. */
interface Tables {
  readonly outbox: Outbox;
  readonly unjellier: Unjellier;
  /** Numbers for references and caches: one row for both, none used twice. */
  readonly nextId: () => number;
  readonly exports: Exports;
  readonly imports: Imports<RemoteReference>;
  readonly cachesGiven: CachesGiven;
  readonly cachesHeld: CachesHeld<object>;
  readonly calls: Calls;
  readonly services: Services;
  /** References to objects published by name: one per name until it is released, and the peer does not count them. */
  readonly named: Map<string, RemoteReference>;
}

/** Decides about a login whose credentials were good: rejects to refuse it. What it returns is disposed of at logout. */
export type Doorkeeper = (who: unknown) => Disposable | Promise<Disposable>;

/** How much a connection holds at the moment. */
export interface BrokerStats {
  /** Objects of ours that the peer holds references to, beside named ones. */
  readonly referencesGiven: number;
  /** References to objects of the peer, each arrival counted. */
  readonly referencesHeld: number;
  /** Objects of ours that the peer keeps a copy of. */
  readonly cachesGiven: number;
  /** Copies that the peer keeps up to date for us. */
  readonly cachesHeld: number;
  /** Calls of ours without an answer so far. */
  readonly callsWaiting: number;
  /** Calls of the peer whose methods have not finished. */
  readonly callsRunning: number;
}

const nothing: BrokerStats = Object.freeze({
  referencesGiven: 0,
  referencesHeld: 0,
  cachesGiven: 0,
  cachesHeld: 0,
  callsWaiting: 0,
  callsRunning: 0,
});

/**
 * One connection. Made by a transport's `connect` and `listen`, or on any {@link Link}. Symmetric: either side publishes objects and calls the
 * other's.
 */
export class Broker implements Inbound {
  readonly #link: Link;
  readonly #config: BrokerConfig;
  readonly #session: Session;
  readonly #disconnectCallbacks = new Set<(reason: ConnectionLostError) => void>();
  readonly #published = new Map<string, Callable>();
  readonly #doorkeeper: Doorkeeper | undefined;
  /** Who waits for the link to have sent what is queued. */
  #waitingForRoom: (() => void)[] = [];
  #violations = 0;
  #isPaused = false;
  #pings = 0;
  #latency: number | undefined;
  #state: State;

  /** Resolves when both ends agreed on a dialect; rejects with {@link ConnectionLostError} when they did not. */
  readonly ready: Promise<void>;
  /** Resolves when the connection is over, with the reason. Never rejects. */
  readonly closed: Promise<ConnectionLostError>;
  #settleReady!: { resolve: () => void; reject: (reason: unknown) => void };
  #settleClosed!: (reason: ConnectionLostError) => void;

  /** Starts the link. `doorkeeper` is asked about logins over this connection. */
  constructor(link: Link, options?: BrokerOptions | BrokerConfig, doorkeeper?: Doorkeeper) {
    this.#link = link;
    this.#doorkeeper = doorkeeper;
    this.#config = BrokerConfig.of(options);
    const { dialects, limits } = this.#config;
    this.ready = new Promise((resolve, reject) => (this.#settleReady = { resolve, reject }));
    this.ready.catch(() => undefined); // who does not wait for it learns of it from `closed`
    this.closed = new Promise((resolve) => (this.#settleClosed = resolve));
    this.#session = new Session({
      role: link.role,
      dialects,
      limits: { expressionBytes: limits.messageBytes, ...limits.banana },
      send: (bytes) => link.send(bytes),
    });
    const timer = setTimeout(() => {
      this.#end(
        "negotiation",
        new ProtocolError("PROTOCOL_NEGOTIATION_TIMEOUT", "The peer did not agree on a dialect in time"),
      );
    }, limits.negotiationMs);
    this.#state = { is: "negotiating", timer };
    link.start({
      received: (bytes) => this.#received(bytes),
      drained: () => {
        this.#roomAgain();
        this.#regulate();
      },
      lost: (cause) => this.#end("lost", cause),
    });
    this.#session.start();
  }

  /** Who is at the other end. */
  get peer(): Peer {
    return this.#link.peer;
  }

  get isOpen(): boolean {
    return this.#state.is !== "closed";
  }

  /** The dialect both ends agreed on. Undefined before that. */
  get dialect(): Dialect | undefined {
    return this.#session.dialect;
  }

  /** The object the peer's side starts from (`PBClientFactory.getRootObject`). */
  getRootObject<T = RemoteMethods>(): Promise<RemoteReference<T>> {
    return this.getObject<T>(ROOT);
  }

  /** The object the peer published under a name. That it exists shows when it is called. Rejects when the connection is over. */
  async getObject<T = RemoteMethods>(name: string): Promise<RemoteReference<T>> {
    await this.ready;
    const { named } = this.#tables();
    let reference = named.get(name);
    if (reference?.isAlive !== true) named.set(name, (reference = new RemoteReference(this, name, null)));
    return reference as unknown as RemoteReference<T>;
  }

  /** Lets the peer get `object` by name, from now on. A later object under the same name takes its place. */
  publish(name: string, object: Callable): Disposable {
    this.#published.set(name, object);
    return {
      [Symbol.dispose]: () => {
        if (this.#published.get(name) === object) this.#published.delete(name);
      },
    };
  }

  /** Runs `callback` once, when the connection is over; at once when it is. Dispose of what it returns to stop that. */
  notifyOnDisconnect(callback: (reason: ConnectionLostError) => void): Disposable {
    if (this.#state.is === "closed") {
      const { reason } = this.#state;
      queueMicrotask(() => this.#run(() => callback(reason)));
      return { [Symbol.dispose]: () => undefined };
    }
    const entry = (reason: ConnectionLostError): void => callback(reason);
    this.#disconnectCallbacks.add(entry);
    return { [Symbol.dispose]: () => void this.#disconnectCallbacks.delete(entry) };
  }

  /** Sends what is written, then closes. Calls without an answer reject. Resolves when the link is closed. */
  async close(): Promise<void> {
    this.#end("closed");
    await this.closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** How many references to an object of ours the peer holds: written and not given back. 0 when it is not known there. */
  referencesTo(object: object): number {
    return this.#state.is === "ready" ? this.#state.tables.exports.countOf(object) : 0;
  }

  /** How many times an object of ours was sent to be cached and not given back, as `perspective` sees it. 0 when the peer has no copy. */
  cachesOf(source: CacheSource, perspective: Perspective = null): number {
    return this.#state.is === "ready" ? (this.#state.tables.cachesGiven.find(source, perspective)?.count ?? 0) : 0;
  }

  /** Resolves when the link has room for more: at once, or when what is queued has left. Rejects when the connection is over. */
  async drained(): Promise<void> {
    const { outbox } = this.#tables();
    outbox.flush();
    if (this.#link.queuedBytes === 0) return;
    await new Promise<void>((resolve) => this.#waitingForRoom.push(resolve));
    this.#tables();
  }

  /** Ends the connection for a reason of the transport's or the program's, throwing away what is queued. */
  terminate(reason: CloseReason, cause?: Error): void {
    this.#end(reason, cause);
    this.#link.destroy();
  }

  /** Resolves when every call of the peer that is running is answered, and every call of ours, or when the connection is over. */
  async idle(): Promise<void> {
    await this.ready;
    while (this.#state.is === "ready" && this.#state.tables.services.running + this.#state.tables.calls.size > 0) {
      const { services, calls } = this.#state.tables;
      await Promise.race([Promise.all([services.idle(), calls.idle()]), this.closed]);
    }
  }

  /**
   * Asks the peer for a sign of life and resolves with the milliseconds it took: a call to an object that does not exist, which a stock peer
   * answers at once and does not log. Rejects when the connection is over.
   */
  async ping(): Promise<number> {
    const start = performance.now();
    this.#pings++;
    try {
      await this.call("", "", [], { perspective: null, pins: undefined });
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error;
    } finally {
      this.#pings--;
    }
    const milliseconds = performance.now() - start;
    this.#latency = (this.#latency ?? milliseconds) * 0.875 + milliseconds * 0.125;
    return milliseconds;
  }

  /** Milliseconds that a round trip takes, over the last few pings (as RFC 6298 smooths them). Undefined before the first. */
  latency(): number | undefined {
    return this.#latency;
  }

  /** Bytes written that have not left the process. */
  get queuedBytes(): number {
    return this.#link.queuedBytes + (this.#state.is === "ready" ? this.#state.tables.outbox.size : 0);
  }

  /** Whoever checks credentials asks this when they were good, and disposes of the result at logout. Rejects when the login is refused. */
  async admit(who: unknown): Promise<Disposable> {
    return (await this.#doorkeeper?.(who)) ?? { [Symbol.dispose]: () => undefined };
  }

  /** Sends six bytes that no peer answers or minds: what keeps a NAT or a firewall from forgetting the connection. */
  keepAlive(): void {
    if (this.#state.is === "ready") this.#state.tables.outbox.write(undefined, (writer) => writeVersion(writer));
  }

  stats(): BrokerStats {
    if (this.#state.is !== "ready") return nothing;
    const { exports, imports, cachesGiven, cachesHeld, calls, services } = this.#state.tables;
    return {
      referencesGiven: exports.size,
      referencesHeld: imports.held,
      cachesGiven: cachesGiven.size,
      cachesHeld: cachesHeld.size,
      callsWaiting: calls.size,
      callsRunning: services.running,
    };
  }

  // What references do

  call(target: ObjectId, method: string, args: readonly unknown[], how: CallDetails): Promise<unknown> {
    return new Promise((resolve, reject) => {
      how.signal?.throwIfAborted();
      const { outbox, calls } = this.#tables();
      const id = calls.nextId();
      const pending: PendingCall = {
        resolve,
        reject,
        pins: how.pins,
        perspective: how.perspective,
        isAbandoned: false,
      };
      sendCall(outbox, new Outgoing(this, how.perspective), commandOf(how), id, target, method, args, true);
      calls.add(id, pending);
      this.#regulate();
      if (how.signal !== undefined || how.timeoutMs !== undefined) giveUpOn(pending, method, how);
    });
  }

  send(target: ObjectId, method: string, args: readonly unknown[], how: CallDetails): void {
    const { outbox, calls } = this.#tables();
    sendCall(outbox, new Outgoing(this, how.perspective), commandOf(how), calls.nextId(), target, method, args, false);
  }

  release(proxy: object): void {
    if (this.#state.is !== "ready") return;
    if (proxy instanceof RemoteReference) this.#state.tables.imports.release(proxy as RemoteReference);
    else this.#state.tables.cachesHeld.release(proxy);
  }

  // What flavours do

  home(id: ObjectId): object | undefined {
    return this.find(id)?.home;
  }

  arrived(id: number, perspective: Perspective): RemoteReference {
    return this.#tables().imports.arrived(id, perspective);
  }

  give(key: object, target: Callable): number {
    const { exports } = this.#tables();
    if (!exports.has(key) && exports.size >= this.#config.limits.references) this.#refuse("reference");
    return exports.give(key, target).id;
  }

  /** Twisted's way, so that its users meet what they know: three refusals, then the end (wire specification 5.11). */
  #refuse(what: "reference" | "cache"): never {
    const text = `Maximum PB ${what} count exceeded.`;
    if (++this.#violations <= 3) throw new PBError(text);
    queueMicrotask(() => this.#end("limit", new PBError(text)));
    throw new PBError(`${text}  Goodbye.`);
  }

  takeBack(id: number): void {
    if (this.#state.is !== "ready") return;
    const last = this.#state.tables.exports.release(id);
    if (last !== undefined) this.#unreferenced(last.target);
  }

  get cachesGiven(): CachesGiven {
    return this.#tables().cachesGiven;
  }

  get cachesHeld(): CachesHeld<object> {
    return this.#tables().cachesHeld;
  }

  giveCache(source: CacheSource, perspective: Perspective, observerFor: (id: number) => object): CacheGiven {
    const { cachesGiven, nextId } = this.#tables();
    let given = cachesGiven.find(source, perspective);
    if (given === undefined) {
      if (cachesGiven.size >= this.#config.limits.references) this.#refuse("cache");
      const id = nextId();
      given = { id, source, perspective, observer: observerFor(id), count: 0 };
      cachesGiven.add(given);
    }
    given.count++;
    return given;
  }

  takeBackCache(id: number): void {
    if (this.#state.is !== "ready") return;
    const { cachesGiven } = this.#state.tables;
    const last = cachesGiven.release(id);
    if (last === undefined) return;
    cachesGiven.forget(id);
    this.#stoppedObserving(last);
  }

  // What messages do

  get services(): Services {
    return this.#tables().services;
  }

  get unjellier(): Unjellier {
    return this.#tables().unjellier;
  }

  find(id: ObjectId): Callable | undefined {
    if (this.#state.is !== "ready") return undefined;
    return typeof id === "string" ? this.#published.get(id) : this.#state.tables.exports.find(id);
  }

  answer(requestId: Expression, value: unknown, perspective: Perspective): void {
    if (this.#state.is !== "ready") return;
    try {
      sendAnswer(this.#state.tables.outbox, new Outgoing(this, perspective), requestId, value);
    } catch (error) {
      this.#config.onEvent({ kind: "answer-failed", error });
      this.#sendError(requestId, error, perspective);
    }
  }

  fail(requestId: Expression, error: unknown, perspective: Perspective, method: string): void {
    if (!isExpected(error)) this.#config.onEvent({ kind: "method-failed", method, error });
    this.#sendError(requestId, error, perspective);
  }

  #sendError(requestId: Expression, error: unknown, perspective: Perspective): void {
    if (this.#state.is !== "ready") return;
    sendError(this.#state.tables.outbox, new Outgoing(this, perspective), requestId, error, this.#config);
  }

  takeCall(requestId: Expression): PendingCall {
    const call = this.#tables().calls.take(requestId);
    if (call === undefined) throw unknownRequest(requestId);
    return call;
  }

  released(id: ObjectId): void {
    const { exports } = this.#tables();
    let last;
    try {
      last = exports.release(id);
    } catch (cause) {
      throw new ProtocolError(
        "PROTOCOL_UNKNOWN_REFERENCE",
        `The peer released the object ${id}, which it does not hold`,
        { cause },
      );
    }
    if (last !== undefined) this.#unreferenced(last.target);
  }

  findCache(id: ObjectId): Callable | undefined {
    const held = typeof id === "number" ? this.#tables().cachesHeld.get(id) : undefined;
    return held === undefined ? undefined : new CacheTarget(held as RemoteCache);
  }

  cacheReleased(id: ObjectId): void {
    const { cachesGiven, outbox } = this.#tables();
    let last;
    try {
      last = cachesGiven.release(Number(id));
    } catch (cause) {
      throw new ProtocolError("PROTOCOL_UNKNOWN_CACHE", `The peer released the cache ${id}, which it does not hold`, {
        cause,
      });
    }
    if (last === undefined) return;
    // What is told to the observer now must still find the copy.
    this.#stoppedObserving(last);
    cachesGiven.forget(last.id);
    sendReleases(outbox, "uncache", last.id, 1);
  }

  uncached(id: ObjectId): void {
    if (!this.#tables().cachesHeld.forget(Number(id))) {
      throw new ProtocolError("PROTOCOL_UNKNOWN_CACHE", `The peer forgot the cache ${id}, which we do not have`);
    }
  }

  notUnderstood(what: string): void {
    this.#config.onEvent({ kind: "not-understood", what });
  }

  // Inside

  #received(bytes: Uint8Array): void {
    if (this.#state.is === "closed") return;
    this.#session.push(bytes);
    this.#read();
  }

  #read(): void {
    if (this.#state.is === "closed" || this.#isPaused) return;
    try {
      while (!this.#isCongested()) {
        const reader = this.#session.next();
        if (reader === undefined) break;
        if (this.#state.is === "negotiating") this.#becomeReady();
        if (this.#isOver()) return;
        handle(readMessage(reader), reader, this);
        if (this.#isOver()) return;
      }
      if (this.#state.is === "negotiating" && this.#session.dialect !== undefined) this.#becomeReady();
    } catch (error) {
      this.#end(this.#state.is === "negotiating" ? "negotiation" : "protocol", error);
      return;
    }
    if (this.#state.is !== "ready") return;
    this.#state.tables.outbox.flush();
    this.#regulate();
  }

  #isOver(): boolean {
    return this.#state.is === "closed";
  }

  #sendBytes(bytes: Uint8Array): void {
    this.#link.send(bytes);
    const { unsentBytes } = this.#config.limits;
    if (this.#link.queuedBytes > unsentBytes) {
      const cause = new PBError(
        `${this.#link.queuedBytes} bytes wait for a peer that does not read; ${unsentBytes} may`,
      );
      queueMicrotask(() => this.terminate("limit", cause)); // not now: a call may be on its way into the tables
    } else {
      this.#regulate();
    }
  }

  /**
   * Whether so much waits to be sent that no more shall be read. While answers to calls of ours are to come, they are read whatever waits: two
   * ends that both stopped reading would wait for each other for ever.
   */
  #isCongested(): boolean {
    if (this.#state.is !== "ready" || this.#state.tables.calls.size > this.#pings) return false;
    return this.queuedBytes > this.#config.limits.queuedBytes;
  }

  #regulate(): void {
    const isCongested = this.#isCongested();
    if (isCongested === this.#isPaused) return;
    this.#isPaused = isCongested;
    if (isCongested) {
      this.#link.pause();
    } else {
      this.#link.resume();
      queueMicrotask(() => this.#read()); // not now: the program may be in the middle of a call
    }
  }

  #roomAgain(): void {
    for (const resolve of this.#waitingForRoom.splice(0)) resolve();
  }

  #becomeReady(): void {
    if (this.#state.is !== "negotiating") return;
    clearTimeout(this.#state.timer);
    const { dialect } = this.#session;
    if (dialect === undefined) throw new TypeError("No dialect was agreed on");
    const { types, policy, exactness } = this.#config;
    const outbox = new Outbox(dialect, this.#config, (bytes) => this.#sendBytes(bytes));
    let lastId = 0;
    const nextId = (): number => ++lastId;
    const giveBack = (command: "decref" | "decache") => (id: number, count: number) => {
      if (this.#state.is === "ready") sendReleases(outbox, command, id, count);
    };
    const tables: Tables = {
      outbox,
      nextId,
      unjellier: new Unjellier({ registry: types, policy, ...exactness }),
      exports: new Exports(nextId),
      imports: new Imports((id, perspective) => new RemoteReference(this, id, perspective), giveBack("decref")),
      cachesGiven: new CachesGiven(),
      cachesHeld: new CachesHeld(giveBack("decache")),
      calls: new Calls(),
      services: new Services(),
      named: new Map(),
    };
    this.#state = { is: "ready", tables };
    outbox.write(undefined, (writer) => writeVersion(writer));
    this.#makeRoot();
    this.#settleReady.resolve();
  }

  /** Before the peer's first call: the root source may publish more names, and may watch how long the peer takes. */
  #makeRoot(): void {
    try {
      const root = this.#config.root?.rootObject(this);
      if (root !== undefined && !this.#published.has(ROOT)) this.#published.set(ROOT, root);
    } catch (error) {
      this.#config.onEvent({ kind: "callback-failed", error });
      this.#end("closed", error);
    }
  }

  #tables(): Tables {
    if (this.#state.is === "ready") return this.#state.tables;
    if (this.#state.is === "closed") throw this.#state.reason;
    throw new TypeError("The connection is not ready yet: wait for `ready`");
  }

  /** The one way out. Pending calls hear first, then who was observed, then notifiers, then the owners of what the peer held (wire specification 5.13). */
  #end(why: CloseReason, cause?: unknown): void {
    const state = this.#state;
    if (state.is === "closed") {
      if (why === "lost") this.#settleClosed(state.reason);
      return;
    }
    const reason = new ConnectionLostError(why, describeEnd(why, cause), { cause });
    this.#state = { is: "closed", reason };
    this.#settleReady.reject(reason); // it may have been ready for long: then this does nothing
    if (state.is === "negotiating") {
      clearTimeout(state.timer);
    } else {
      state.tables.outbox.flush();
      for (const call of state.tables.calls.takeAll()) call.reject(reason);
      for (const given of state.tables.cachesGiven.entries()) this.#stoppedObserving(given);
    }
    this.#roomAgain();
    if (why === "lost") this.#settleClosed(reason);
    else this.#link.close();
    for (const callback of this.#disconnectCallbacks) this.#run(() => callback(reason));
    this.#disconnectCallbacks.clear();
    if (state.is === "ready") for (const { target } of state.tables.exports.entries()) this.#unreferenced(target);
    this.#config.onEvent({ kind: "closed", reason });
  }

  #stoppedObserving({ source, perspective, observer }: CacheGiven): void {
    this.#run(() => source.stoppedObserving(perspective, observer));
  }

  #unreferenced(target: Callable): void {
    this.#run(() => target.unreferenced?.(this));
  }

  /** Runs a callback of the program, whose trouble is not ours. */
  #run(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.#config.onEvent({ kind: "callback-failed", error });
    }
  }
}

function commandOf({ isCache }: CallDetails): "message" | "cachemessage" {
  return isCache === true ? "cachemessage" : "message";
}

/** Lets a call reject before its answer is there. The answer is still expected, and read for the references in it. */
function giveUpOn(pending: PendingCall, method: string, { signal, timeoutMs }: CallDetails): void {
  const waiting = { ...pending };
  let timer: ReturnType<typeof setTimeout> | undefined;
  const settle = (): void => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  };
  const abandon = (error: unknown): void => {
    settle();
    pending.isAbandoned = true;
    waiting.reject(error);
  };
  const abort = (): void => abandon(signal?.reason);
  pending.resolve = (value) => {
    settle();
    waiting.resolve(value);
  };
  pending.reject = (error) => {
    settle();
    waiting.reject(error);
  };
  signal?.addEventListener("abort", abort, { once: true });
  if (timeoutMs !== undefined) {
    timer = setTimeout(() => abandon(new CallTimeoutError(`${method} was not answered in ${timeoutMs} ms`)), timeoutMs);
  }
}

function describeEnd(why: CloseReason, cause: unknown): string {
  const because = cause instanceof Error && cause.message !== "" ? `: ${cause.message}` : "";
  switch (why) {
    case "closed":
      return `The connection was closed by us${because}`;
    case "lost":
      return `The connection was lost${because}`;
    case "negotiation":
      return `No dialect could be agreed on${because}`;
    case "protocol":
      return `The peer broke the protocol${because}`;
    case "unresponsive":
      return `The peer does not answer any more${because}`;
    case "limit":
      return `The peer passed a limit${because}`;
    case "replaced":
      return `The same client has a newer connection${because}`;
  }
}
