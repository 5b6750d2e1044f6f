// One connection between two equal ends, which call each other's objects (wire specification 5;
// `twisted.spread.pb.Broker`).

import { addDisposal, asyncDispose, onDispose, refuseProxies, Session } from "@pb/banana";
import type { Dialect } from "@pb/banana";
import { checkNumber } from "@pb/jelly-types";
import type { Callable, Connection, Perspective } from "./calls/callable.js";
import { collectStats } from "./engine/collect-stats.js";
import { BrokerConfig } from "./engine/config.js";
import type { BrokerOptions } from "./engine/config.js";
import { nextConnectionId } from "./connection-id.js";
import { ConnectionCore } from "./engine/connection-core.js";
import type { AdmitLogin, ConnectionOwner } from "./engine/connection-owner.js";
import { Latency } from "./engine/latency.js";
import { LoginGate } from "./engine/login/login-gate.js";
import type { Pass } from "./engine/login/login-gate.js";
import { Users } from "./engine/login/users.js";
import { ConnectionMemory } from "./engine/memory.js";
import { MessageReader } from "./engine/reader.js";
import { requireCallable, requireName } from "./engine/root-source.js";
import { ProtocolError } from "./errors.js";
import type { CloseReason, ConnectionLostError, LimitError, ServerBusyError } from "./errors.js";
import type { RemoteMethods } from "./flavors/call-types.js";
import { PipelinedReference } from "./flavors/pipelined.js";
import type { Reference, RemoteReference } from "./flavors/remote-reference.js";
import { Backpressure } from "./link/backpressure.js";
import { connectionLost, isClosedByPeer, lossHint, silenceHint } from "./link/close-reason.js";
import { LinkWriter } from "./link/link-writer.js";
import type { Link, Peer } from "./link/link.js";
import { OnceCall } from "./pbx/once-call.js";
import { Goodbyes, sendBusy, sendReason } from "./pbx/goodbyes.js";
import { PeerCalls } from "./pbx/peer-calls.js";
import { PeerFeatures } from "./pbx/peer-features.js";
import { DENIED, isReserved, Pbx, PBX, REPLACED } from "./pbx/pbx.js";
import type { CacheSource } from "./references/exported-caches.js";
import type { BrokerStats, ConnectionEnd } from "./stats.js";
import { Subscriptions } from "./subscriptions.js";
import { after } from "./timer.js";
import { refuseBusyOffer } from "./wire/busy-offer.js";

/** Milliseconds that a connection which is replaced or denied has to tell its peer. */
const FAREWELL_MS = 1_000;

/** The name of the root object. */
const ROOT = "root";

/** The state of a connection. What exists only in one state is part of it. */
type State =
  /** The link is open; the two ends have not agreed on a dialect yet. */
  | { readonly is: "negotiating"; readonly timer: ReturnType<typeof after> }
  /** Both ends can call. */
  | { readonly is: "ready"; readonly core: ConnectionCore }
  | { readonly is: "closed"; readonly reason: ConnectionLostError };

/**
 * One connection. `connect` and `listen` of a transport create it, or a program creates it on any {@link Link}. Both
 * ends can publish objects and call those of the other.
 */
export class Broker implements Connection {
  static {
    addDisposal(this, asyncDispose);
    refuseProxies(this, (object) => #link in object);
  }

  /**
   * Identifies the connection in logs: unique in this process, among processes and after restarts. The peer does not
   * know it.
   */
  readonly id: string;
  /** When it was made. */
  readonly openedAt: Date = new Date();
  readonly #link: Link;
  readonly #config: BrokerConfig;
  readonly #session: Session;
  readonly #reader: MessageReader;
  readonly #backpressure: Backpressure;
  readonly #writer: LinkWriter;
  readonly #memory: ConnectionMemory;
  readonly #disconnectCallbacks = new Subscriptions<[reason: ConnectionLostError]>();
  readonly #goodbyes: Goodbyes;
  /** What the peer can do. Undefined before the connection is ready, and without the option `extensions`. */
  #peerFeatures: PeerFeatures | undefined;
  readonly #users = new Users();
  /** Created with the first login. */
  #gate: LoginGate | undefined;
  readonly #published = new Map<string, Callable>();
  readonly #admitLogin: AdmitLogin | undefined;
  /** The promise of {@link idle}, while there is one. */
  #idle: Promise<void> | undefined;
  readonly #latency = new Latency();
  readonly #owner: ConnectionOwner | undefined;
  #ended: ConnectionEnd | undefined;
  #state: State;

  /** Resolves when both ends have agreed on a dialect. Rejects with {@link ConnectionLostError} when they have not. */
  readonly ready: Promise<void>;
  /** Resolves with the reason when the connection ends. Never rejects. */
  readonly closed: Promise<ConnectionLostError>;
  #settleReady!: { resolve: () => void; reject: (reason: unknown) => void };
  #settleClosed!: (reason: ConnectionLostError) => void;

  /** Starts the link. `admitLogin` decides about the logins over this connection; by default, all are admitted. */
  constructor(link: Link, options?: BrokerOptions | BrokerConfig, admitLogin?: AdmitLogin, owner?: ConnectionOwner) {
    this.id = owner?.id ?? nextConnectionId();
    this.#owner = owner;
    this.#link = link;
    this.#admitLogin = admitLogin;
    this.#config = BrokerConfig.of(options);
    const { dialects, limits } = this.#config;
    this.#backpressure = new Backpressure(
      link,
      limits,
      () => this.#reader.read(),
      () => this.keepAlive(),
      (limit) => queueMicrotask(() => this.#owner?.paused?.(limit)),
    );
    const writing = {
      bytesReceived: () => this.#reader.bytesReceived,
      exceeded: (error: LimitError) => this.terminate("limit", error),
    };
    this.#writer = new LinkWriter(writing, link, this.#backpressure, limits.unsentBytes);
    const isStranger = link.role === "listener" && this.#config.root?.requiresLogin === true;
    this.#memory = new ConnectionMemory(
      limits,
      isStranger ? this.#config.strangers : undefined,
      (error) => this.terminate("limit", error),
      owner?.memoryExceeded,
    );
    this.ready = new Promise((resolve, reject) => (this.#settleReady = { resolve, reject }));
    this.ready.catch(() => undefined); // A program that does not wait for it learns of the end from `closed`.
    this.closed = new Promise((resolve) => (this.#settleClosed = resolve));
    this.#session = new Session({
      role: link.role,
      dialects,
      limits: { ...limits.banana, expressionBytes: this.#messageBytes },
      send: (bytes) => this.#writer.write(bytes),
      inspectOffer: refuseBusyOffer,
    });
    if (isStranger) this.#session.expressionBytes = Math.min(limits.strangerMessageBytes, this.#messageBytes);
    const timer = after(limits.negotiationMs, () => {
      const text = `The peer did not agree on a dialect in time${this.#silence()}`;
      this.#end("negotiation", new ProtocolError("PROTOCOL_NEGOTIATION_TIMEOUT", text));
    });
    this.#state = { is: "negotiating", timer };
    const reading = {
      becomeReady: (dialect: Dialect) => this.#becomeReady(dialect),
      end: (reason: CloseReason, cause: unknown) => this.#end(reason, cause),
    };
    this.#reader = new MessageReader(reading, this.#session, this.#backpressure, this.#memory, this.#writer);
    this.#goodbyes = new Goodbyes({
      core: () => (this.#state.is === "ready" ? this.#state.core : undefined),
      idle: () => this.idle(),
      terminate: (reason, cause) => this.terminate(reason, cause),
      leave: (reason, cause) => this.#leave(reason, cause),
    });
    link.start({
      received: this.#reader.receive,
      drained: () => this.#drained(),
      lost: (cause, reason) => this.#lost(cause, reason),
    });
    this.#session.start();
  }

  /**
   * For clients that reconnect: a reference to the result of a call that is made when there is a connection. `made`
   * resolves with the result of its `pipe`, in an object; calls that are made before are then sent with it. `failure`
   * converts the error of the call.
   */
  static pipeLater(
    made: Promise<{ readonly reference: Reference & Promise<unknown> }>,
    failure: (error: unknown) => unknown = (error) => error,
  ): Reference & Promise<unknown> {
    return PipelinedReference.later(made, failure);
  }

  /** Internal: one call that must run once, for clients that send it again when its connection was lost. */
  static once(): OnceCall {
    return new OnceCall();
  }

  /** Internal: the id of a connection that has no broker yet, for transports. */
  static nextId(): string {
    return nextConnectionId();
  }

  /** The ids of the users who are logged in over this connection, in alphabetical order. */
  get users(): readonly string[] {
    return this.#users.ids;
  }

  /** A summary of the connection, taken when it ended. Undefined while it is open. */
  get ended(): ConnectionEnd | undefined {
    return this.#ended;
  }

  /** What the transport knows about the other end. */
  get peer(): Peer {
    return this.#link.peer;
  }

  get isOpen(): boolean {
    return this.#state.is !== "closed";
  }

  /** The dialect that both ends agreed on. Undefined before that. */
  get dialect(): Dialect | undefined {
    return this.#session.dialect;
  }

  /** The root object of the peer (`PBClientFactory.getRootObject`). */
  getRootObject<T = RemoteMethods>(): Promise<RemoteReference<T>> {
    return this.getObject<T>(ROOT);
  }

  /**
   * The object that the peer published under a name. Rejects with {@link ConnectionLostError} when the connection has
   * ended. Whether the object exists shows only when it is called.
   */
  async getObject<T = RemoteMethods>(name: string): Promise<RemoteReference<T>> {
    requireName("The name of an object", name);
    await this.ready;
    return this.#core().imports.named(name) as unknown as RemoteReference<T>;
  }

  /**
   * Makes an object available to the peer under a name. An object that is published later under the same name replaces
   * it. Dispose of the result to withdraw the object. Throws `TypeError` for the name `pbx` and names that begin with
   * `pbx:`, which are reserved, and for an object that the peer cannot call.
   */
  publish(name: string, object: Callable): Disposable {
    requireName("The name of an object", name);
    requireCallable("The published object", object);
    if (isReserved(name)) throw new TypeError(`The name ${JSON.stringify(name)} is reserved`);
    this.#published.set(name, object);
    return onDispose(() => {
      if (this.#published.get(name) === object) this.#published.delete(name);
    });
  }

  /**
   * Runs `callback` once, when the connection ends; soon, if it has ended already. Dispose of the result to
   * unsubscribe.
   */
  notifyOnDisconnect(callback: (reason: ConnectionLostError) => void): Disposable {
    const subscription = this.#disconnectCallbacks.add(callback);
    if (this.#state.is === "closed") void this.closed.then((reason) => this.#runDisconnectCallbacks(reason));
    return subscription;
  }

  /**
   * Announces that this end will close, so that no call is lost: the peer makes no further calls, and closes the
   * connection when all calls in both directions are answered. This end makes no further calls either, except from
   * methods that are running; such a call rejects with `DeadReferenceError` and is not sent. `retryAfterMs` tells the
   * peer when it makes sense to reconnect; default 0, at once.
   *
   * Resolves with whether the peer understands this: a stock Twisted peer does not, and goes on calling. Rejects with
   * {@link ConnectionLostError} when the connection ends first, and with `TypeError` for a time that is not a number of
   * at least 0.
   */
  async goAway({ retryAfterMs = 0 }: { readonly retryAfterMs?: number | undefined } = {}): Promise<boolean> {
    checkNumber("The option retryAfterMs", retryAfterMs);
    await this.ready;
    const core = this.#core();
    return this.#peerFeatures !== undefined && this.#goodbyes.announce(core, this.#peerFeatures, retryAfterMs);
  }

  /**
   * Runs `callback` once, when the peer announces that it will close (see {@link goAway}); at once, if it has done so.
   * Calls in flight are still answered. Dispose of the result to unsubscribe.
   */
  notifyOnGoAway(callback: (retryAfterMs: number) => void): Disposable {
    return this.#goodbyes.notify(callback, (run) => this.#config.runCallback(run, this));
  }

  /**
   * Sends what is written, then closes the connection. Calls without an answer reject. Resolves when the link is
   * closed.
   */
  async close(): Promise<void> {
    this.#end("closed");
    await this.closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Ends the connection at once, for a reason of the transport or the program. Discards what is queued; but with the
   * reasons `replaced` and `denied`, the link has a second to tell the peer, so that it does not connect again; after
   * `denied` it may, when the `retryAfterMs` of `cause` is over, if it has one.
   */
  terminate(reason: CloseReason, cause?: Error): void {
    if ((reason === REPLACED || reason === DENIED) && this.#state.is === "ready" && this.#config.extensions) {
      sendReason(this.#state.core, reason, cause);
      const timer = after(FAREWELL_MS, () => this.#link.destroy());
      void this.closed.then(() => clearTimeout(timer));
      this.#end(reason, cause);
      return;
    }
    this.#end(reason, cause);
    this.#link.destroy();
  }

  /**
   * Ends the connection with the reason `limit`, because its place is needed, and tells the peer `error`, if it
   * understands that: a stock peer ignores it. The link closes when this was sent, so destroy it after a while.
   */
  displace(error: ServerBusyError, cause: Error): void {
    if (this.#state.is === "ready" && this.#config.extensions) sendBusy(this.#state.core, error);
    this.#end("limit", cause);
  }

  /**
   * Resolves when all calls are answered, those of the peer and those of this end, or when the connection ends. Pings
   * do not count, nor do streams that this end reads.
   */
  idle(): Promise<void> {
    // One promise for all that wait: a program may ask again and again.
    this.#idle ??= this.#becomeIdle();
    return this.#idle;
  }

  async #becomeIdle(): Promise<void> {
    try {
      await this.ready;
      while (this.#state.is === "ready") {
        const { caller, responder } = this.#state.core;
        if (responder.running + responder.held === 0 && caller.isIdle) return;
        await Promise.all([responder.idle(), caller.idle()]);
      }
    } finally {
      this.#idle = undefined;
    }
  }

  /**
   * Resolves when the link has sent everything that is queued: at once, if nothing is. Rejects with {@link
   * ConnectionLostError} when the connection has ended.
   */
  async drained(): Promise<void> {
    this.#core().outbox.flush();
    await this.#writer.drained();
    this.#core();
  }

  /**
   * Asks the peer for a sign of life and resolves with the round-trip time in milliseconds. It is a call to an object
   * that does not exist, which a stock Twisted peer answers at once and does not log. Rejects with {@link
   * ConnectionLostError} when the connection ends.
   */
  async ping(): Promise<number> {
    return this.#latency.ping(this.#core().caller);
  }

  /**
   * The round-trip time in milliseconds, smoothed over the last pings as in RFC 6298. Undefined before the first ping.
   */
  latency(): number | undefined {
    return this.#latency.milliseconds;
  }

  /** Sends six bytes that the peer ignores, so that a NAT or a firewall does not drop the connection. */
  keepAlive(): void {
    if (this.#state.is === "ready") this.#state.core.outbox.write({ command: "version" });
  }

  /**
   * Called after successful authentication, with the id of the user. Rejects to refuse the login. The result is
   * disposed of at logout.
   */
  async admitLogin(avatarId: unknown): Promise<Disposable> {
    const session = (await this.#admitLogin?.(avatarId)) ?? onDispose(() => undefined);
    this.#session.expressionBytes = this.#messageBytes;
    this.#memory.loggedIn(typeof avatarId === "string" || this.#config.root?.trustsAnonymous === true);
    return typeof avatarId === "string" ? this.#users.add(avatarId, session) : session;
  }

  /**
   * Runs a login of this end. The other calls of this end wait until it has ended, and are then sent in their order,
   * because a server may read little before: their arguments are read then. Calls that `login` makes within the
   * function that it is given do not wait, nor do calls that are made while this end runs a call of the peer, which may
   * wait for them. When one login has succeeded, further ones hold nothing back.
   */
  duringLogin<T>(login: (pass: Pass) => Promise<T>): Promise<T> {
    this.#gate ??= new LoginGate(() => !(this.#state.is === "ready" && this.#state.core.responder.isWorking));
    if (this.#state.is === "ready") this.#state.core.caller.gate = this.#gate;
    return this.#gate.during(login);
  }

  /** Bytes that are written and have not left the process. */
  get queuedBytes(): number {
    return this.#link.queuedBytes + (this.#state.is === "ready" ? this.#state.core.outbox.size : 0);
  }

  /** The number of references to an object of this end that the peer holds. 0 for an object that it does not hold. */
  referencesTo(object: object): number {
    return this.#state.is === "ready" ? this.#state.core.exports.countOf(object) : 0;
  }

  /**
   * How many times a cacheable object of this end was sent and not yet released, as `perspective` sees it. 0 when the
   * peer has no copy.
   */
  cachesOf(source: CacheSource, perspective: Perspective = null): number {
    return this.#state.is === "ready" ? this.#state.core.exports.countOfCache(source, perspective) : 0;
  }

  /** What the connection holds at the moment, and the bytes it has transferred. */
  stats(): BrokerStats {
    const bytes = {
      bytesReceived: this.#reader.bytesReceived,
      bytesSent: this.#writer.bytesSent,
      bytesQueued: this.queuedBytes,
    };
    return collectStats(this.#state.is === "ready" ? this.#state.core : undefined, this.#backpressure.pausedBy, bytes);
  }

  /**
   * For finding leaks. Where each reference that this end holds arrived: in which call, and where the program made
   * that, the most numerous first. It needs the option `traceReferences`. Then the objects that the peer holds, by
   * class, and by the calls that have sent them while the option was set. Empty when there are none.
   */
  leakReport(): string {
    if (this.#state.is !== "ready") return "";
    const { imports, exports } = this.#state.core;
    return [imports.report(), exports.report()].filter((part) => part !== "").join("\n");
  }

  /** Bytes of one message, of a peer that has logged in if it has to. */
  get #messageBytes(): number {
    const { messageBytes, banana } = this.#config.limits;
    return banana.expressionBytes ?? messageBytes;
  }

  #regulate(): void {
    if (this.isOpen) this.#backpressure.regulate();
  }

  #becomeReady(dialect: Dialect): void {
    if (this.#state.is !== "negotiating") return; // Sending the name of the dialect has ended the connection.
    clearTimeout(this.#state.timer);
    const owner = {
      requireOpen: () => void this.#core(),
      end: (reason: CloseReason, cause: Error) => this.#end(reason, cause),
      send: (bytes: Uint8Array) => this.#writer.write(bytes),
      regulate: () => this.#regulate(),
    };
    const core = new ConnectionCore(this, this.#config, owner, this.#published, this.#link, dialect, this.#memory);
    core.caller.gate = this.#gate;
    this.#state = { is: "ready", core };
    this.#reader.start(core);
    this.#backpressure.setLoad(core);
    this.keepAlive(); // Each end announces its version first.
    if (this.#config.extensions) this.#extend(core);
    this.#publishRoot();
    this.#settleReady.resolve(); // Does nothing if the root has ended the connection. The owner may end it too.
    if (this.isOpen) this.#owner?.ready?.();
  }

  /** Both ends may do more than Twisted's protocol has: see docs/extension.md. */
  #extend(core: ConnectionCore): void {
    // Users who have logged in over one connection are another user than each of them.
    const calls = new PeerCalls(core, this.#published, () => JSON.stringify(this.users));
    const pbx = new Pbx(this.#goodbyes, calls);
    core.responder.prompt = pbx;
    core.caller.extension = this.#peerFeatures = new PeerFeatures(core);
    this.#published.set(PBX, pbx);
  }

  /**
   * Runs before the first call of the peer, so that the root source can publish further objects and observe the
   * connection from its start.
   */
  #publishRoot(): void {
    try {
      const root = this.#config.root?.rootObject(this);
      if (root === undefined) return;
      requireCallable("The result of rootObject", root);
      if (!this.#published.has(ROOT)) this.#published.set(ROOT, root);
    } catch (error) {
      this.#config.reportError(error, this);
      this.#end("closed", error);
    }
  }

  /**
   * The core of a ready connection. Throws {@link ConnectionLostError} when it has ended, and `TypeError` when it is
   * not ready.
   */
  #core(): ConnectionCore {
    if (this.#state.is === "ready") return this.#state.core;
    if (this.#state.is === "closed") throw this.#state.reason;
    throw new TypeError("The connection is not ready yet: wait for `ready`");
  }

  #drained(): void {
    if (this.#state.is === "ready") this.#state.core.outbox.drained();
    this.#writer.resolveDrained();
    this.#regulate();
  }

  // The end

  #leave(reason: CloseReason, cause: Error): void {
    this.#end(reason, cause);
    this.#link.close();
  }

  #lost(cause: Error | undefined, reason: "protocol" | "limit" | "lost" = "lost"): void {
    if (this.#state.is === "negotiating" && this.#link.role === "initiator" && isClosedByPeer(cause)) {
      const text = `the peer closed the connection first${this.#silence()}`;
      this.#end("negotiation", new Error(text, { cause }));
    }
    const end = (): void => {
      this.#end(reason, cause);
      this.#end("lost"); // The link has ended: for another reason, it would be waited for.
    };
    if (this.#reader.isBusy) queueMicrotask(end);
    else end();
  }

  #silence(): string {
    return silenceHint(this.#link.role, this.#reader.bytesReceived);
  }

  /**
   * Ends the connection; nothing else does. First the pending calls reject, then observers are stopped, then disconnect
   * callbacks run, then objects that the peer held are unreferenced (wire specification 5.13).
   */
  #end(why: CloseReason, cause?: unknown): void {
    const state = this.#state;
    if (state.is === "closed") {
      if (why === "lost") this.#settleClosed(state.reason);
      return;
    }
    const reason = connectionLost(why, cause, why === "lost" ? this.#lossHint(cause) : undefined);
    const ended: ConnectionEnd = { reason, users: this.users, stats: this.stats() };
    this.#ended = ended;
    const core = state.is === "ready" ? state.core : undefined;
    this.#state = { is: "closed", reason };
    this.#backpressure.setLoad(undefined);
    this.#reader.stop();
    this.#memory.release();
    this.#settleReady.reject(reason); // Does nothing if the connection was ready.
    if (state.is === "negotiating") clearTimeout(state.timer);
    core?.outbox.flush();
    core?.caller.end(reason);
    core?.responder.end(reason);
    core?.exports.endCaches();
    this.#writer.resolveDrained();
    if (why === "lost") this.#settleClosed(reason);
    // A state hook may close the connection while a message is being written. The messages before it are sent at the
    // end of the turn.
    else if (core?.outbox.isWriting === true) queueMicrotask(() => this.#link.close());
    else this.#link.close();
    this.#runDisconnectCallbacks(reason);
    core?.exports.endReferences();
    // A closed connection that a program keeps does not keep the objects of its calls.
    this.#peerFeatures = undefined;
    this.#published.delete(PBX);
    this.#config.onEvent({ kind: "closed", ...ended }, this);
  }

  #lossHint(cause: unknown): string | undefined {
    if (this.#state.is !== "ready" || !isClosedByPeer(cause)) return undefined;
    return lossHint(this.#state.core, this.#reader.bytesReceived <= this.#writer.receivedBeforeSend);
  }

  #runDisconnectCallbacks(reason: ConnectionLostError): void {
    for (const callback of this.#disconnectCallbacks.takeAll()) this.#config.runCallback(() => callback(reason), this);
  }
}
