// One connection: two equal ends that call each other's objects (wire specification 5; `twisted.spread.pb.Broker`).

import { BananaReader, Session } from "@pb/banana";
import type { Dialect } from "@pb/banana";
import type { Callable, Connection, Perspective } from "./calls/callable.js";
import { connectionLost } from "./link/close-reason.js";
import { LimitError, ProtocolError } from "./errors.js";
import type { CloseReason, ConnectionLostError } from "./errors.js";
import { Exchange } from "./engine/connection-core.js";
import { RemoteError } from "./wire/failure.js";
import type { RemoteMethods, RemoteReference } from "./flavors/remote-reference.js";
import { Flow } from "./link/backpressure.js";
import type { Link, Peer } from "./link/link.js";
import { BrokerConfig } from "./engine/config.js";
import type { BrokerOptions } from "./engine/config.js";
import { noStats, statsOf } from "./stats.js";
import type { BrokerStats } from "./stats.js";
import type { CacheSource } from "./references/exported-caches.js";
import { after } from "./timer.js";

/** The name of the object a connection starts from. */
const ROOT = "root";

/** Where a connection stands. What exists only while it is ready lives only there. */
type State =
  /** The link is open; no dialect is agreed on. */
  | { readonly is: "negotiating"; readonly timer: ReturnType<typeof after> }
  /** Both ends can call. */
  | { readonly is: "ready"; readonly exchange: Exchange }
  /** It is over, for this reason. */
  | { readonly is: "closed"; readonly reason: ConnectionLostError };

/** Decides about a login whose credentials were good: rejects to refuse it. What it returns is disposed of at logout. */
export type Doorkeeper = (who: unknown) => Disposable | Promise<Disposable>;

/**
 * One connection. Made by a transport's `connect` and `listen`, or on any {@link Link}. Symmetric: either side publishes objects and calls the
 * other's.
 */
export class Broker implements Connection {
  readonly #link: Link;
  readonly #config: BrokerConfig;
  readonly #session: Session;
  readonly #reader = new BananaReader();
  readonly #flow: Flow;
  readonly #disconnectCallbacks = new Set<(reason: ConnectionLostError) => void>();
  readonly #published = new Map<string, Callable>();
  readonly #doorkeeper: Doorkeeper | undefined;
  /** Who waits for the link to have sent what is queued. */
  #waitingForRoom: (() => void)[] = [];
  #isReading = false;
  #isSending = false;
  #bytesReceived = 0;
  #bytesSent = 0;
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
    this.#flow = new Flow(link, limits, () => this.#read());
    this.ready = new Promise((resolve, reject) => (this.#settleReady = { resolve, reject }));
    this.ready.catch(() => undefined); // who does not wait for it learns of it from `closed`
    this.closed = new Promise((resolve) => (this.#settleClosed = resolve));
    this.#session = new Session({
      role: link.role,
      dialects,
      limits: { expressionBytes: limits.messageBytes, ...limits.banana },
      send: (bytes) => this.#send(bytes),
    });
    const timer = after(limits.negotiationMs, () => {
      const text = "The peer did not agree on a dialect in time";
      this.#end("negotiation", new ProtocolError("PROTOCOL_NEGOTIATION_TIMEOUT", text));
    });
    this.#state = { is: "negotiating", timer };
    link.start({
      received: (bytes) => this.#received(bytes),
      drained: () => this.#drained(),
      lost: (cause) => this.#lost(cause),
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
    return this.#exchange().named(name) as unknown as RemoteReference<T>;
  }

  /** Lets the peer get `object` by name, from now on. A later object under the same name takes its place. Dispose of what it returns to withdraw it. */
  publish(name: string, object: Callable): Disposable {
    this.#published.set(name, object);
    return {
      [Symbol.dispose]: () => {
        if (this.#published.get(name) === object) this.#published.delete(name);
      },
    };
  }

  /** Runs `callback` once, when the connection is over; soon, when it is. Dispose of what it returns to stop that. */
  notifyOnDisconnect(callback: (reason: ConnectionLostError) => void): Disposable {
    const entry = (reason: ConnectionLostError): void => callback(reason);
    this.#disconnectCallbacks.add(entry);
    if (this.#state.is === "closed") void this.closed.then((reason) => this.#tell(reason));
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

  /** Ends the connection for a reason of the transport's or the program's, throwing away what is queued. */
  terminate(reason: CloseReason, cause?: Error): void {
    this.#end(reason, cause);
    this.#link.destroy();
  }

  /** Resolves when every call of the peer that is running is answered, and every call of ours (pings aside), or when the connection is over. */
  async idle(): Promise<void> {
    await this.ready;
    while (this.#state.is === "ready") {
      const { services, calls } = this.#state.exchange;
      if (services.running + calls.working === 0) return;
      await Promise.race([Promise.all([services.idle(), calls.idle()]), this.closed]);
    }
  }

  /** Resolves when the link has room for more: at once, or when what is queued has left. Rejects when the connection is over. */
  async drained(): Promise<void> {
    this.#exchange().outbox.flush();
    if (this.#link.queuedBytes === 0) return;
    await new Promise<void>((resolve) => this.#waitingForRoom.push(resolve));
    this.#exchange();
  }

  /**
   * Asks the peer for a sign of life and resolves with the milliseconds it took: a call to an object that does not exist, which a stock peer
   * answers at once and does not log. Rejects when the connection is over.
   */
  async ping(): Promise<number> {
    const start = performance.now();
    try {
      await this.#exchange().call("", "", [], { perspective: null, pins: undefined, isPing: true });
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error;
    }
    const milliseconds = performance.now() - start;
    this.#latency = (this.#latency ?? milliseconds) * 0.875 + milliseconds * 0.125;
    return milliseconds;
  }

  /** Milliseconds that a round trip takes, over the last few pings (as RFC 6298 smooths them). Undefined before the first. */
  latency(): number | undefined {
    return this.#latency;
  }

  /** Sends six bytes that no peer answers or minds: what keeps a NAT or a firewall from forgetting the connection. */
  keepAlive(): void {
    if (this.#state.is === "ready") this.#state.exchange.keepAlive();
  }

  /** Whoever checks credentials asks this when they were good, and disposes of the result at logout. Rejects when the login is refused. */
  async admit(who: unknown): Promise<Disposable> {
    return (await this.#doorkeeper?.(who)) ?? { [Symbol.dispose]: () => undefined };
  }

  /** Bytes written that have not left the process. */
  get queuedBytes(): number {
    return this.#state.is === "ready" ? this.#state.exchange.queuedBytes : this.#link.queuedBytes;
  }

  /** How many references to an object of ours the peer holds: written and not given back. 0 when it is not known there. */
  referencesTo(object: object): number {
    return this.#state.is === "ready" ? this.#state.exchange.given.countOf(object) : 0;
  }

  /** How many times an object of ours was sent to be cached and not given back, as `perspective` sees it. 0 when the peer has no copy. */
  cachesOf(source: CacheSource, perspective: Perspective = null): number {
    return this.#state.is === "ready" ? this.#state.exchange.given.countOfCache(source, perspective) : 0;
  }

  /** What the connection holds at the moment, and what went through it. */
  stats(): BrokerStats {
    const bytes = { received: this.#bytesReceived, sent: this.#bytesSent, queued: this.queuedBytes };
    return this.#state.is === "ready" ? statsOf(this.#state.exchange, this.#config.limits, bytes) : noStats(bytes);
  }

  /** Where each reference that is held came from, most first. Needs the option `traceReferences`; for finding leaks, not for production. */
  leakReport(): string {
    return this.#state.is === "ready" ? this.#state.exchange.held.report() : "";
  }

  // Inside

  #received(bytes: Uint8Array): void {
    if (!this.isOpen) return;
    this.#bytesReceived += bytes.length;
    this.#session.push(bytes);
    if (this.#isBusy) queueMicrotask(() => this.#read());
    else this.#read();
  }

  #lost(cause: Error | undefined): void {
    if (this.#isBusy) queueMicrotask(() => this.#end("lost", cause));
    else this.#end("lost", cause);
  }

  /** Whether what a link delivers at once, within `send`, would come into the middle of something. It is read a little later then. */
  get #isBusy(): boolean {
    if (this.#isReading || this.#isSending) return true;
    return this.#state.is === "ready" && this.#state.exchange.outbox.isWriting;
  }

  #read(): void {
    if (!this.isOpen) return;
    this.#isReading = true;
    try {
      while (this.#flow.admits()) {
        const hasMessage = this.#session.advance(this.#reader);
        if (this.#state.is === "negotiating" && this.#session.dialect !== undefined) {
          this.#becomeReady(this.#session.dialect, this.#state.timer);
        }
        if (!hasMessage) {
          this.#flow.rest();
          break;
        }
        if (this.#isOver()) return;
        this.#exchange().receive(this.#reader);
        if (this.#isOver()) return;
      }
    } catch (error) {
      this.#end(this.#state.is === "negotiating" ? "negotiation" : "protocol", error);
      return;
    } finally {
      this.#isReading = false;
    }
    this.#flow.regulate();
  }

  #isOver(): boolean {
    return this.#state.is === "closed";
  }

  #send(bytes: Uint8Array): void {
    this.#bytesSent += bytes.length;
    this.#isSending = true;
    try {
      this.#link.send(bytes);
    } finally {
      this.#isSending = false;
    }
    this.#flow.regulate(); // what has left at once, nobody will tell of
    const { queuedBytes } = this.#link;
    const { unsentBytes } = this.#config.limits;
    if (queuedBytes <= unsentBytes) return;
    const text = `${queuedBytes} bytes wait for a peer that does not read; ${unsentBytes} may`;
    // Not now: a call may be on its way into the tables.
    queueMicrotask(() => this.terminate("limit", new LimitError("unsentBytes", text)));
  }

  #drained(): void {
    for (const resolve of this.#waitingForRoom.splice(0)) resolve();
    if (this.isOpen) this.#flow.regulate();
  }

  #becomeReady(dialect: Dialect, timer: ReturnType<typeof after>): void {
    clearTimeout(timer);
    const exchange = new Exchange(dialect, {
      connection: this,
      config: this.#config,
      link: this.#link,
      published: (name) => this.#published.get(name),
      send: (bytes) => this.#send(bytes),
      changed: () => this.#flow.regulate(),
      end: (why, cause) => this.#end(why, cause),
    });
    this.#state = { is: "ready", exchange };
    this.#flow.begin(exchange);
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

  #exchange(): Exchange {
    if (this.#state.is === "ready") return this.#state.exchange;
    if (this.#state.is === "closed") throw this.#state.reason;
    throw new TypeError("The connection is not ready yet: wait for `ready`");
  }

  /** Runs the disconnect callbacks, each once. What subscribes meanwhile is for later. */
  #tell(reason: ConnectionLostError): void {
    const callbacks = [...this.#disconnectCallbacks];
    for (const callback of callbacks) {
      if (this.#disconnectCallbacks.delete(callback)) this.#config.run(() => callback(reason));
    }
  }

  /** The one way out. Pending calls hear first, then who was observed, then notifiers, then the owners of what the peer held (5.13). */
  #end(why: CloseReason, cause?: unknown): void {
    const state = this.#state;
    if (state.is === "closed") {
      if (why === "lost") this.#settleClosed(state.reason);
      return;
    }
    const reason = connectionLost(why, cause);
    this.#state = { is: "closed", reason };
    this.#flow.end();
    this.#settleReady.reject(reason); // it may have been ready for long: then this does nothing
    if (state.is === "negotiating") {
      clearTimeout(state.timer);
    } else {
      state.exchange.end(reason);
    }
    for (const resolve of this.#waitingForRoom.splice(0)) resolve();
    if (why === "lost") this.#settleClosed(reason);
    // A state hook that closes does so in the middle of a message: those before it leave first, at the end of the turn.
    else if (state.is === "ready" && state.exchange.outbox.isWriting) queueMicrotask(() => this.#link.close());
    else this.#link.close();
    this.#tell(reason);
    if (state.is === "ready") state.exchange.given.endReferences();
    this.#config.onEvent({ kind: "closed", reason });
  }
}
