// The state of a connection: negotiating, ready or closed, and what each change does. It is the owner that all parts of
// the connection call back: one object, because there may be thousands of connections (bench `crowd`).

import { Session } from "@pb/banana";
import type { Dialect } from "@pb/banana";
import type { Connection } from "./calls/callable.js";
import type { BrokerConfig } from "./engine/config.js";
import { ConnectionCore } from "./engine/connection-core.js";
import type { ConnectionOwner } from "./engine/connection-owner.js";
import type { CoreOwner } from "./engine/connection-parts.js";
import type { LoginGate } from "./engine/login/login-gate.js";
import { ConnectionMemory } from "./engine/memory.js";
import type { MemoryOwner } from "./engine/memory.js";
import { Published, ROOT } from "./pbx/published.js";
import { MessageReader } from "./engine/reader.js";
import type { ReaderOwner } from "./engine/reader.js";
import { requireCallable } from "./engine/root-source.js";
import { ProtocolError } from "./errors.js";
import type { CloseReason, ConnectionLostError, LimitError, LimitName } from "./errors.js";
import { Backpressure } from "./link/backpressure.js";
import type { BackpressureOwner } from "./link/backpressure.js";
import { connectionLost, isClosedByPeer, lossHint, silenceHint } from "./link/close-reason.js";
import { LinkWriter } from "./link/link-writer.js";
import type { WriterOwner } from "./link/link-writer.js";
import type { Link, LinkReceiver } from "./link/link.js";
import { Goodbyes } from "./pbx/goodbyes.js";
import type { GoodbyeOwner } from "./pbx/goodbyes.js";
import { PeerCalls } from "./pbx/peer-calls.js";
import { PeerFeatures } from "./pbx/peer-features.js";
import { Pbx } from "./pbx/pbx.js";
import type { BrokerStats, ConnectionEnd } from "./stats.js";
import { Subscriptions } from "./subscriptions.js";
import { after } from "./timer.js";
import { refuseBusyOffer } from "./wire/busy-offer.js";

/** The state of a connection. What exists only in one state is part of it. */
type State =
  /** The link is open; the two ends have not agreed on a dialect yet. */
  | { readonly is: "negotiating"; readonly timer: ReturnType<typeof after> }
  /** Both ends can call. `isAnnounced` says whether the root source has run, which may end the connection. */
  | { readonly is: "ready"; readonly core: ConnectionCore; isAnnounced: boolean }
  /** `wasReady` says whether it was announced that the connection is ready. */
  | { readonly is: "closed"; readonly reason: ConnectionLostError; readonly wasReady: boolean; isGone: boolean };

/** The functions that settle a promise which something waits for. */
interface Settle<Value> {
  readonly resolve: (value: Value) => void;
  readonly reject: (reason: unknown) => void;
}

/** What the connection uses of the broker that a program sees. */
export interface BrokerView extends Connection {
  /** The ids of the users who are logged in. */
  readonly users: readonly string[];
  stats(): BrokerStats;
}

type Owners = CoreOwner & ReaderOwner & WriterOwner & GoodbyeOwner & BackpressureOwner & MemoryOwner & LinkReceiver;

/** Whether the connection is or was ready, and its owner and its program were told so. */
function wasAnnounced(state: State): boolean {
  return state.is === "ready" ? state.isAnnounced : state.is === "closed" && state.wasReady;
}

export class BrokerConnection implements Owners {
  readonly #broker: BrokerView;
  readonly #owner: ConnectionOwner | undefined;
  readonly link: Link;
  readonly config: BrokerConfig;
  readonly session: Session;
  readonly reader: MessageReader;
  readonly backpressure: Backpressure;
  readonly writer: LinkWriter;
  readonly memory: ConnectionMemory;
  readonly published: Published;
  #disconnectCallbacks: Subscriptions<[reason: ConnectionLostError]> | undefined;
  #goodbyes: Goodbyes | undefined;
  /** What the peer can do. Undefined before the connection is ready, and without the option `extensions`. */
  peerFeatures: PeerFeatures | undefined;
  /** Created with the first login of this end. */
  gate: LoginGate | undefined;
  ended: ConnectionEnd | undefined;
  #state: State;
  /** The name of the dialect that this end has chosen, until the first messages are sent with it. */
  #choice: Uint8Array | undefined;
  /** Both promises are created when something asks for them. */
  #ready: Promise<void> | undefined;
  #closed: Promise<ConnectionLostError> | undefined;
  #settleReady: Settle<void> | undefined;
  #settleClosed: Settle<ConnectionLostError> | undefined;

  /** Call {@link start} next. */
  constructor(broker: BrokerView, link: Link, config: BrokerConfig, owner: ConnectionOwner | undefined) {
    this.#broker = broker;
    this.#owner = owner;
    this.link = link;
    this.config = config;
    const { limits, dialects } = config;
    this.backpressure = new Backpressure(this, link, limits);
    this.writer = new LinkWriter(this, link, this.backpressure, limits.unsentBytes);
    const isStranger = link.role === "listener" && config.root?.requiresLogin === true;
    this.memory = new ConnectionMemory(limits, isStranger ? config.strangers : undefined, this);
    this.published = new Published(this);
    this.session = new Session({
      role: link.role,
      dialects,
      limits: config.sessionLimits,
      send: (bytes) => this.#negotiate(bytes),
      inspectOffer: refuseBusyOffer,
    });
    this.session.expressionBytes = isStranger
      ? Math.min(limits.strangerMessageBytes, config.messageBytes)
      : config.messageBytes;
    this.reader = new MessageReader(this, this.session, this.backpressure, this.memory, this.writer);
    this.#state = { is: "negotiating", timer: after(limits.negotiationMs, () => this.#endNegotiation()) };
  }

  /** Starts the link, when the fields of the broker are set. */
  start(): void {
    this.link.start(this);
    this.session.start();
  }

  // What others look at

  get isOpen(): boolean {
    return this.#state.is !== "closed";
  }

  /** The core, if the connection is ready. */
  core(): ConnectionCore | undefined {
    return this.#state.is === "ready" ? this.#state.core : undefined;
  }

  /**
   * The core of a ready connection. Throws {@link ConnectionLostError} when it has ended, and `TypeError` when it is
   * not ready.
   */
  requireCore(): ConnectionCore {
    if (this.#state.is === "ready") return this.#state.core;
    if (this.#state.is === "closed") throw this.#state.reason;
    throw new TypeError("The connection is not ready yet: wait for `ready`");
  }

  requireOpen(): void {
    this.requireCore();
  }

  /** See `Broker.ready`. */
  get ready(): Promise<void> {
    return (this.#ready ??= this.#makeReady());
  }

  #makeReady(): Promise<void> {
    const state = this.#state;
    if (wasAnnounced(state)) return Promise.resolve();
    const ready: Promise<void> =
      state.is === "closed"
        ? Promise.reject(state.reason)
        : new Promise<void>((resolve, reject) => (this.#settleReady = { resolve, reject }));
    ready.catch(() => undefined); // A program that does not wait for it learns of the end from `closed`.
    return ready;
  }

  /** See `Broker.closed`. */
  get closed(): Promise<ConnectionLostError> {
    return (this.#closed ??= this.#makeClosed());
  }

  #makeClosed(): Promise<ConnectionLostError> {
    const state = this.#state;
    if (state.is === "closed" && state.isGone) return Promise.resolve(state.reason);
    return new Promise((resolve, reject) => (this.#settleClosed = { resolve, reject }));
  }

  bytesReceived(): number {
    return this.reader.bytesReceived;
  }

  get goodbyes(): Goodbyes {
    return (this.#goodbyes ??= new Goodbyes(this));
  }

  /** See `Broker.notifyOnDisconnect`. */
  notifyOnDisconnect(callback: (reason: ConnectionLostError) => void): Disposable {
    const subscription = (this.#disconnectCallbacks ??= new Subscriptions()).add(callback);
    if (this.#state.is === "closed") void this.closed.then((reason) => this.#runDisconnectCallbacks(reason));
    return subscription;
  }

  /** Resolves when all calls in both directions are answered. */
  async idle(): Promise<void> {
    await this.ready;
    while (this.#state.is === "ready") {
      const { caller, responder } = this.#state.core;
      if (responder.running + responder.held === 0 && caller.isIdle) return;
      await Promise.all([responder.idle(), caller.idle()]);
    }
  }

  // What the parts and the link call

  send(bytes: Uint8Array): void {
    this.writer.write(bytes);
  }

  received(bytes: Uint8Array): void {
    this.reader.receive(bytes);
  }

  drained(): void {
    if (this.#state.is === "ready") this.#state.core.outbox.drained();
    this.writer.resolveDrained();
    this.regulate();
  }

  read(): void {
    this.reader.read();
  }

  regulate(): void {
    if (this.isOpen) this.backpressure.regulate();
  }

  keepAlive(): void {
    if (this.#state.is === "ready") this.#state.core.outbox.write({ command: "version" });
  }

  exceeded(error: LimitError): void {
    this.terminate("limit", error);
  }

  paused(limit: LimitName | undefined): void {
    queueMicrotask(() => this.#owner?.paused?.(limit));
  }

  memoryExceeded(limit: LimitName): void {
    this.#owner?.memoryExceeded?.(limit);
  }

  // The connection becomes ready

  /** Sends the offer of dialects, or keeps the choice of one until the connection is ready, which it is next. */
  #negotiate(bytes: Uint8Array): void {
    if (this.link.role === "initiator") this.#choice = bytes;
    else this.send(bytes);
  }

  becomeReady(dialect: Dialect): void {
    if (this.#state.is !== "negotiating") return;
    clearTimeout(this.#state.timer);
    const core = new ConnectionCore(this.#broker, this, dialect);
    if (this.#choice !== undefined) core.outbox.begin(this.#choice);
    this.#choice = undefined;
    core.caller.gate = this.gate;
    const ready: State = { is: "ready", core, isAnnounced: false };
    this.#state = ready;
    this.reader.start(core);
    this.backpressure.setLoad(core);
    this.keepAlive(); // Each end announces its version first.
    if (this.config.extensions) this.#extend(core);
    this.#publishRoot();
    if (!this.isOpen) return; // The root source has ended the connection.
    ready.isAnnounced = true;
    this.#settleReady?.resolve();
    this.#owner?.ready?.();
  }

  /** Both ends may do more than Twisted's protocol has: see docs/extension.md. */
  #extend(core: ConnectionCore): void {
    core.caller.extension = this.peerFeatures = new PeerFeatures(core);
    const { forms } = this.config.types;
    if (forms.length > 0) this.peerFeatures.send("reads", forms);
    PeerCalls.forgetOld(this.config);
  }

  /** The object of these extensions, when the peer calls it for the first time. */
  makePbx(): Pbx | undefined {
    if (this.#state.is !== "ready" || !this.config.extensions) return undefined;
    const { core } = this.#state;
    // Users who have logged in over one connection are another user than each of them.
    const calls = new PeerCalls(core, this.published, () => JSON.stringify(this.#broker.users));
    const pbx = new Pbx(this.goodbyes, calls, this.peerFeatures!);
    core.responder.prompt = pbx;
    return pbx;
  }

  /**
   * Runs before the first call of the peer, so that the root source can publish further objects and observe the
   * connection from its start.
   */
  #publishRoot(): void {
    try {
      const root = this.config.root?.rootObject(this.#broker);
      if (root === undefined) return;
      requireCallable("The result of rootObject", root);
      if (this.published.get(ROOT) === undefined) this.published.set(ROOT, root);
    } catch (error) {
      this.config.reportError(error, this.#broker);
      this.end("closed", error);
    }
  }

  // The end

  /** Ends the connection at once, and discards what is queued. */
  terminate(reason: CloseReason, cause?: unknown): void {
    this.end(reason, cause);
    this.link.destroy();
  }

  /** Ends the connection, and closes the link when everything is sent. */
  leave(reason: CloseReason, cause: Error): void {
    this.end(reason, cause);
    this.link.close();
  }

  lost(cause: Error | undefined, reason: "protocol" | "limit" | "lost" = "lost"): void {
    if (this.#state.is === "negotiating" && this.link.role === "initiator" && isClosedByPeer(cause)) {
      const text = `the peer closed the connection first${this.#silence()}`;
      this.end("negotiation", new Error(text, { cause }));
    }
    const end = (): void => {
      this.end(reason, cause);
      this.end("lost"); // The link has ended: for another reason, it would be waited for.
    };
    if (this.reader.isBusy) queueMicrotask(end);
    else end();
  }

  /**
   * Ends the connection; nothing else does. First the pending calls reject, then observers are stopped, then disconnect
   * callbacks run, then objects that the peer held are unreferenced (wire specification 5.13).
   */
  end(why: CloseReason, cause?: unknown): void {
    const state = this.#state;
    if (state.is === "closed") {
      if (why === "lost") this.#becomeGone(state);
      return;
    }
    const reason = connectionLost(why, cause, why === "lost" ? this.#lossHint(cause) : undefined);
    const ended: ConnectionEnd = { reason, users: this.#broker.users, stats: this.#broker.stats() };
    this.ended = ended;
    const core = state.is === "ready" ? state.core : undefined;
    const closed = { is: "closed", reason, wasReady: wasAnnounced(state), isGone: false } as const;
    this.#state = closed;
    this.backpressure.setLoad(undefined);
    this.reader.stop();
    this.memory.release();
    this.#settleReady?.reject(reason); // Does nothing if the connection was ready.
    if (state.is === "negotiating") clearTimeout(state.timer);
    core?.outbox.flush();
    core?.caller.end(reason);
    core?.responder.end(reason);
    core?.exports.endCaches();
    this.writer.resolveDrained();
    if (why === "lost") this.#becomeGone(closed);
    // A state hook may close the connection while a message is being written. The messages before it are sent at the
    // end of the turn.
    else if (core?.outbox.isWriting === true) queueMicrotask(() => this.link.close());
    else this.link.close();
    this.#owner?.ended?.(closed.wasReady);
    this.#runDisconnectCallbacks(reason);
    core?.exports.endReferences();
    // A closed connection that a program keeps does not keep the objects of its calls.
    this.peerFeatures = undefined;
    this.published.deletePbx();
    this.config.onEvent({ kind: "closed", ...ended }, this.#broker);
  }

  /** The link is closed, too. */
  #becomeGone(state: State & { readonly is: "closed" }): void {
    if (state.isGone) return;
    state.isGone = true;
    this.#settleClosed?.resolve(state.reason);
    if (this.#owner?.gone !== undefined) queueMicrotask(() => this.#owner?.gone?.(state.wasReady));
  }

  #endNegotiation(): void {
    const text = `The peer did not agree on a dialect in time${this.#silence()}`;
    this.end("negotiation", new ProtocolError("PROTOCOL_NEGOTIATION_TIMEOUT", text));
  }

  #silence(): string {
    return silenceHint(this.link.role, this.reader.bytesReceived);
  }

  #lossHint(cause: unknown): string | undefined {
    if (this.#state.is !== "ready" || !isClosedByPeer(cause)) return undefined;
    return lossHint(this.#state.core, this.reader.bytesReceived <= this.writer.receivedBeforeSend);
  }

  #runDisconnectCallbacks(reason: ConnectionLostError): void {
    for (const callback of this.#disconnectCallbacks?.takeAll() ?? [])
      this.config.runCallback(() => callback(reason), this.#broker);
  }
}
