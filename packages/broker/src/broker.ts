// One connection between two equal ends, which call each other's objects (wire specification 5;
// `twisted.spread.pb.Broker`).

import { addDisposal, asyncDispose, onDispose, refuseProxies } from "@pb/banana";
import type { Dialect } from "@pb/banana";
import { checkNumber } from "@pb/jelly-types";
import { BrokerConnection } from "./broker-connection.js";
import type { Callable, Connection, Perspective } from "./calls/callable.js";
import { collectStats } from "./engine/collect-stats.js";
import { BrokerConfig } from "./engine/config.js";
import type { BrokerOptions } from "./engine/config.js";
import { nextConnectionId } from "./connection-id.js";
import type { ConnectionCore } from "./engine/connection-core.js";
import type { AdmitLogin, ConnectionOwner } from "./engine/connection-owner.js";
import { Latency } from "./engine/latency.js";
import { LoginGate } from "./engine/login/login-gate.js";
import type { Pass } from "./engine/login/login-gate.js";
import { Users } from "./engine/login/users.js";
import { requireCallable, requireName } from "./engine/root-source.js";
import type { CloseReason, ConnectionLostError, ServerBusyError } from "./errors.js";
import type { RemoteMethods } from "./flavors/call-types.js";
import { PipelinedReference } from "./flavors/pipelined.js";
import type { Reference, RemoteReference } from "./flavors/remote-reference.js";
import type { Link, Peer } from "./link/link.js";
import { OnceCall } from "./pbx/once-call.js";
import { sendBusy, sendReason } from "./pbx/goodbyes.js";
import { DENIED, isReserved, REPLACED } from "./pbx/pbx.js";
import { ROOT } from "./pbx/published.js";
import type { CacheSource } from "./references/exported-caches.js";
import type { BrokerStats, ConnectionEnd } from "./stats.js";
import { after } from "./timer.js";

/** Milliseconds that a connection which is replaced or denied has to tell its peer. */
const FAREWELL_MS = 1_000;

/**
 * One connection. `connect` and `listen` of a transport create it, or a program creates it on any {@link Link}. Both
 * ends can publish objects and call those of the other.
 */
export class Broker implements Connection {
  static {
    addDisposal(this, asyncDispose);
    refuseProxies(this, (object) => #connection in object);
  }

  /**
   * Identifies the connection in logs: unique in this process, among processes and after restarts. The peer does not
   * know it.
   */
  readonly id: string;
  readonly #openedMs = Date.now();
  readonly #connection: BrokerConnection;
  readonly #admitLogin: AdmitLogin | undefined;
  /** Created with the first login of the peer. */
  #users: Users | undefined;
  /** The promise of {@link idle}, while there is one. */
  #idle: Promise<void> | undefined;
  /** Created with the first ping of this end. */
  #latency: Latency | undefined;

  /** Starts the link. `admitLogin` decides about the logins over this connection; by default, all are admitted. */
  constructor(link: Link, options?: BrokerOptions | BrokerConfig, admitLogin?: AdmitLogin, owner?: ConnectionOwner) {
    this.id = owner?.id ?? nextConnectionId();
    this.#admitLogin = admitLogin;
    this.#connection = new BrokerConnection(this, link, BrokerConfig.of(options), owner);
    this.#connection.start();
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

  /** When it was made. */
  get openedAt(): Date {
    return new Date(this.#openedMs);
  }

  /** Resolves when both ends have agreed on a dialect. Rejects with {@link ConnectionLostError} when they have not. */
  get ready(): Promise<void> {
    return this.#connection.ready;
  }

  /** Resolves with the reason when the connection ends. Never rejects. */
  get closed(): Promise<ConnectionLostError> {
    return this.#connection.closed;
  }

  /** The ids of the users who are logged in over this connection, in alphabetical order. */
  get users(): readonly string[] {
    return this.#users?.ids ?? NO_USERS;
  }

  /** A summary of the connection, taken when it ended. Undefined while it is open. */
  get ended(): ConnectionEnd | undefined {
    return this.#connection.ended;
  }

  /** What the transport knows about the other end. */
  get peer(): Peer {
    return this.#connection.link.peer;
  }

  get isOpen(): boolean {
    return this.#connection.isOpen;
  }

  /** The dialect that both ends agreed on. Undefined before that. */
  get dialect(): Dialect | undefined {
    return this.#connection.session.dialect;
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
    const { published } = this.#connection;
    published.set(name, object);
    return onDispose(() => {
      if (published.get(name) === object) published.delete(name);
    });
  }

  /**
   * Runs `callback` once, when the connection ends; soon, if it has ended already. Dispose of the result to
   * unsubscribe.
   */
  notifyOnDisconnect(callback: (reason: ConnectionLostError) => void): Disposable {
    return this.#connection.notifyOnDisconnect(callback);
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
    const { peerFeatures, goodbyes } = this.#connection;
    const core = this.#core();
    return peerFeatures !== undefined && goodbyes.announce(core, peerFeatures, retryAfterMs);
  }

  /**
   * Runs `callback` once, when the peer announces that it will close (see {@link goAway}); at once, if it has done so.
   * Calls in flight are still answered. Dispose of the result to unsubscribe.
   */
  notifyOnGoAway(callback: (retryAfterMs: number) => void): Disposable {
    const { goodbyes, config } = this.#connection;
    return goodbyes.notify(callback, (run) => config.runCallback(run, this));
  }

  /**
   * Sends what is written, then closes the connection. Calls without an answer reject. Resolves when the link is
   * closed.
   */
  async close(): Promise<void> {
    this.#connection.end("closed");
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
    const connection = this.#connection;
    const core = connection.core();
    if ((reason === REPLACED || reason === DENIED) && core?.config.extensions === true) {
      sendReason(core, reason, cause);
      const timer = after(FAREWELL_MS, () => connection.link.destroy());
      void this.closed.then(() => clearTimeout(timer));
      connection.end(reason, cause);
    } else connection.terminate(reason, cause);
  }

  /**
   * Ends the connection with the reason `limit`, because its place is needed, and tells the peer `error`, if it
   * understands that: a stock peer ignores it. The link closes when this was sent, so destroy it after a while.
   */
  displace(error: ServerBusyError, cause: Error): void {
    const core = this.#connection.core();
    if (core?.config.extensions === true) sendBusy(core, error);
    this.#connection.end("limit", cause);
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
      await this.#connection.idle();
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
    await this.#connection.writer.drained();
    this.#core();
  }

  /**
   * Asks the peer for a sign of life and resolves with the round-trip time in milliseconds. It is a call to an object
   * that does not exist, which a stock Twisted peer answers at once and does not log. Rejects with {@link
   * ConnectionLostError} when the connection ends.
   */
  async ping(): Promise<number> {
    return (this.#latency ??= new Latency()).ping(this.#core().caller);
  }

  /**
   * The round-trip time in milliseconds, smoothed over the last pings as in RFC 6298. Undefined before the first ping.
   */
  latency(): number | undefined {
    return this.#latency?.milliseconds;
  }

  /** Sends six bytes that the peer ignores, so that a NAT or a firewall does not drop the connection. */
  keepAlive(): void {
    this.#connection.keepAlive();
  }

  /**
   * Called after successful authentication, with the id of the user. Rejects to refuse the login. The result is
   * disposed of at logout.
   */
  async admitLogin(avatarId: unknown): Promise<Disposable> {
    const session = (await this.#admitLogin?.(avatarId)) ?? onDispose(() => undefined);
    const { session: reading, memory, config } = this.#connection;
    reading.expressionBytes = config.messageBytes;
    memory.loggedIn(typeof avatarId === "string" || config.root?.trustsAnonymous === true);
    return typeof avatarId === "string" ? (this.#users ??= new Users()).add(avatarId, session) : session;
  }

  /**
   * Runs a login of this end. The other calls of this end wait until it has ended, and are then sent in their order,
   * because a server may read little before: their arguments are read then. Calls that `login` makes within the
   * function that it is given do not wait, nor do calls that are made while this end runs a call of the peer, which may
   * wait for them. When one login has succeeded, further ones hold nothing back.
   */
  duringLogin<T>(login: (pass: Pass) => Promise<T>): Promise<T> {
    const connection = this.#connection;
    const gate = (connection.gate ??= new LoginGate(() => connection.core()?.responder.isWorking !== true));
    const core = connection.core();
    if (core !== undefined) core.caller.gate = gate;
    return gate.during(login);
  }

  /** Bytes that are written and have not left the process. */
  get queuedBytes(): number {
    return this.#connection.link.queuedBytes + (this.#connection.core()?.outbox.size ?? 0);
  }

  /** The number of references to an object of this end that the peer holds. 0 for an object that it does not hold. */
  referencesTo(object: object): number {
    return this.#connection.core()?.exports.countOf(object) ?? 0;
  }

  /**
   * How many times a cacheable object of this end was sent and not yet released, as `perspective` sees it. 0 when the
   * peer has no copy.
   */
  cachesOf(source: CacheSource, perspective: Perspective = null): number {
    return this.#connection.core()?.exports.countOfCache(source, perspective) ?? 0;
  }

  /** What the connection holds at the moment, and the bytes it has transferred. */
  stats(): BrokerStats {
    const connection = this.#connection;
    const bytes = {
      bytesReceived: connection.bytesReceived(),
      bytesSent: connection.writer.bytesSent,
      bytesQueued: this.queuedBytes,
    };
    return collectStats(connection.core(), connection.backpressure.pausedBy, bytes);
  }

  /**
   * For finding leaks. Where each reference that this end holds arrived: in which call, and where the program made
   * that, the most numerous first. It needs the option `traceReferences`. Then the objects that the peer holds, by
   * class, and by the calls that have sent them while the option was set. Empty when there are none.
   */
  leakReport(): string {
    const core = this.#connection.core();
    if (core === undefined) return "";
    const { imports, exports } = core;
    return [imports.report(), exports.report()].filter((part) => part !== "").join("\n");
  }

  /** Throws {@link ConnectionLostError} when the connection has ended, and `TypeError` when it is not ready. */
  #core(): ConnectionCore {
    return this.#connection.requireCore();
  }
}

const NO_USERS: readonly string[] = [];
