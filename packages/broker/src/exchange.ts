// What a connection remembers while both ends can call, and everything that happens then: calls, references, copies, caches.

import type { BananaReader, Dialect, Expression } from "@pb/banana";
import { Unjellier } from "@pb/jelly-types";
import { giveUpOn } from "./abandon.js";
import type { Callable, Connection, Perspective } from "./callable.js";
import { Outgoing } from "./channel.js";
import type { CallDetails, Channel } from "./channel.js";
import { isExpected, LimitError, PBError, ProtocolError } from "./errors.js";
import type { CloseReason, ConnectionLostError } from "./errors.js";
import { calledAs } from "./failure.js";
import type { RemoteError } from "./failure.js";
import { CacheTarget } from "./flavors/cacheable.js";
import type { RemoteCache } from "./flavors/cacheable.js";
import { RemoteReference } from "./flavors/remote-reference.js";
import type { Load } from "./flow.js";
import { handle, unknownRequest } from "./inbound.js";
import type { Inbound } from "./inbound.js";
import type { Link } from "./link.js";
import { readMessage, writeVersion } from "./messages.js";
import type { ObjectId } from "./messages.js";
import type { BrokerConfig } from "./options.js";
import { sendAnswer, sendCall, sendError, sendReleases } from "./outbound.js";
import { Outbox } from "./outbox.js";
import { settle, UnsettledError } from "./settle.js";
import { CachesGiven } from "./tables/caches-given.js";
import type { CacheGiven, CacheSource } from "./tables/caches-given.js";
import { CachesHeld } from "./tables/caches-held.js";
import { Calls } from "./tables/calls.js";
import type { PendingCall } from "./tables/calls.js";
import { Exports } from "./tables/exports.js";
import { Imports } from "./tables/imports.js";
import { Services } from "./tables/services.js";

/** What the exchange needs of the connection it is part of. */
export interface ExchangeOwner {
  readonly connection: Connection;
  readonly config: BrokerConfig;
  /** Where bytes go. */
  readonly link: Pick<Link, "queuedBytes" | "takesViews">;
  /** An object published by name. */
  published(name: string): Callable | undefined;
  send(bytes: Uint8Array): void;
  /** Something was written or answered: there may be too much of it, or room again. */
  changed(): void;
  end(why: CloseReason, cause: Error): void;
}

export class Exchange implements Channel, Inbound, Load {
  readonly connection: Connection;
  readonly unjellier: Unjellier;
  readonly outbox: Outbox;
  readonly exports: Exports;
  readonly imports: Imports<RemoteReference>;
  // Made when they are needed: most connections never have a cache, and there may be thousands of them (bench `connections`).
  #cachesGiven: CachesGiven | undefined;
  #cachesHeld: CachesHeld<object> | undefined;
  /** Calls of ours. */
  readonly calls: Calls = new Calls();
  /** Calls of the peer. */
  readonly services: Services = new Services();
  readonly #owner: ExchangeOwner;
  readonly #config: BrokerConfig;
  /** References to objects published by name: one per name until it is released, and the peer does not count them. */
  readonly #named = new Map<string, RemoteReference>();
  /** Numbers for references and caches: one row for both, none used twice. */
  #lastId = 0;
  #violations = 0;
  /** Why it is over, once it is. */
  #end: ConnectionLostError | undefined;

  constructor(dialect: Dialect, owner: ExchangeOwner) {
    const { config } = owner;
    this.#owner = owner;
    this.#config = config;
    this.connection = owner.connection;
    this.unjellier = new Unjellier({ registry: config.types, policy: config.policy, ...config.exactness });
    this.outbox = new Outbox(dialect, config, owner.link.takesViews === true, (bytes) => owner.send(bytes));
    this.exports = new Exports(() => ++this.#lastId);
    const makeReference = (id: number, perspective: Perspective): RemoteReference =>
      new RemoteReference(this, id, perspective);
    this.imports = new Imports(
      makeReference,
      (id, count) => this.#giveBack("decref", id, count),
      config.traceReferences,
    );
    this.keepAlive();
  }

  get cachesGiven(): CachesGiven {
    return (this.#cachesGiven ??= new CachesGiven());
  }

  get cachesHeld(): CachesHeld<object> {
    return (this.#cachesHeld ??= new CachesHeld((id, count) => this.#giveBack("decache", id, count)));
  }

  get isOpen(): boolean {
    return this.#end === undefined;
  }

  get queuedBytes(): number {
    return this.#owner.link.queuedBytes + this.outbox.size;
  }

  get callsWaiting(): number {
    return this.calls.working;
  }

  get callsRunning(): number {
    return this.services.running;
  }

  /** Does what one message says. Throws {@link ProtocolError} when the peer broke the protocol. */
  receive(reader: BananaReader): void {
    handle(readMessage(reader), reader, this);
  }

  /** The peer's object of that name. */
  named(name: string): RemoteReference {
    this.#requireOpen();
    let reference = this.#named.get(name);
    if (reference?.isAlive !== true) this.#named.set(name, (reference = new RemoteReference(this, name, null)));
    return reference;
  }

  /** Says the version: at the start, and whenever a sign of life is wanted that nobody answers. */
  keepAlive(): void {
    this.outbox.write(undefined, (writer) => writeVersion(writer));
  }

  /** Ends everything: calls reject first, then who was observed hears. What the peer held goes with {@link abandonExports}. */
  end(reason: ConnectionLostError): void {
    this.#end = reason;
    this.outbox.flush();
    for (const call of this.calls.takeAll()) call.reject(reason);
    for (const given of this.#cachesGiven?.entries() ?? []) if (given.count > 0) this.#stoppedObserving(given);
  }

  /** Tells the owners of what the peer held that it holds it no more. */
  abandonExports(): void {
    for (const { target } of this.exports.entries()) this.#unreferenced(target);
  }

  // What references do

  call(target: ObjectId, method: string, args: readonly unknown[], how: CallDetails): Promise<unknown> {
    const answered = new Promise<unknown>((resolve, reject) => {
      how.signal?.throwIfAborted();
      this.#requireOpen();
      if (this.calls.size >= this.#config.limits.callsWaiting) {
        throw new LimitError("callsWaiting", `${this.calls.size} calls wait for an answer; no more may`);
      }
      const id = this.calls.nextId();
      const { pins, perspective, isPing } = how;
      const pending: PendingCall = { id, resolve, reject, pins, perspective, isPing };
      this.#sendCall(id, target, method, args, how, true);
      this.#requireOpen(); // a state hook may have closed the connection
      this.calls.add(pending);
      this.#owner.changed();
      if (how.signal !== undefined || how.timeoutMs !== undefined) giveUpOn(pending, method, how);
    });
    // An async function would say the same, for a generator more per call (bench `hundred`).
    return answered.then(undefined, (error: unknown) => {
      throw calledAs(method, error);
    });
  }

  send(target: ObjectId, method: string, args: readonly unknown[], how: CallDetails): void {
    this.#requireOpen();
    this.#sendCall(this.calls.nextId(), target, method, args, how, false);
  }

  #sendCall(
    id: number,
    target: ObjectId,
    method: string,
    args: readonly unknown[],
    how: CallDetails,
    wantsAnswer: boolean,
  ): void {
    try {
      const out = new Outgoing(this, how.perspective);
      if (this.outbox.isWriting) out.failedLater = (error) => this.#callFailed(id, error);
      sendCall(this.outbox, out, how, id, target, method, args, wantsAnswer);
    } catch (error) {
      this.calls.unuse(id);
      throw error;
    }
  }

  /** A call made by a state hook, whose arguments could be written only after the hook had returned. */
  #callFailed(id: number, error: unknown): void {
    const call = this.calls.take(id);
    if (call === undefined) this.#config.onEvent({ kind: "callback-failed", error });
    else call.reject(error);
  }

  release(proxy: object): void {
    if (proxy instanceof RemoteReference) this.imports.release(proxy as RemoteReference);
    else this.cachesHeld.release(proxy);
  }

  returnOne(proxy: Disposable): void {
    const hadMore =
      proxy instanceof RemoteReference
        ? this.imports.returnOne(proxy as RemoteReference)
        : this.cachesHeld.returnOne(proxy);
    if (!hadMore) proxy[Symbol.dispose]();
  }

  decline(command: "decref" | "decache", id: number, count: number): void {
    this.#giveBack(command, id, count);
  }

  #giveBack(command: "decref" | "decache", id: number, count: number): void {
    if (this.isOpen) sendReleases(this.outbox, command, id, count);
  }

  // What flavours do

  home(id: ObjectId): object | undefined {
    return this.find(id)?.home;
  }

  arrived(id: number, perspective: Perspective): RemoteReference {
    return this.imports.arrived(id, perspective);
  }

  give(key: object, target: Callable): number {
    if (!this.exports.has(key) && this.exports.size >= this.#config.limits.references) this.#refuse("reference");
    return this.exports.give(key, target).id;
  }

  takeBack(id: number): void {
    // A peer may have guessed the number of what it was not sent, and have released it.
    if (!this.isOpen || this.exports.find(id) === undefined) return;
    const last = this.exports.release(id);
    if (last !== undefined) this.#unreferenced(last.target);
  }

  giveCache(source: CacheSource, perspective: Perspective, observerFor: (id: number) => object): CacheGiven {
    let given = this.cachesGiven.find(source, perspective);
    if (given === undefined) {
      if (this.cachesGiven.size >= this.#config.limits.references) this.#refuse("cache");
      const id = ++this.#lastId;
      given = { id, source, perspective, observer: observerFor(id), count: 0 };
      this.cachesGiven.add(given);
    }
    given.count++;
    return given;
  }

  takeBackCache(id: number): void {
    if (!this.isOpen) return;
    const last = this.cachesGiven.release(id);
    if (last === undefined) return;
    this.cachesGiven.forget(id);
    this.#stoppedObserving(last);
  }

  /** Twisted's way, so that its users meet what they know: three refusals, then the end (wire specification 5.11). */
  #refuse(what: "reference" | "cache"): never {
    const text = `Maximum PB ${what} count exceeded.`;
    if (++this.#violations <= 3) throw new PBError(text);
    queueMicrotask(() => this.#owner.end("limit", new PBError(text)));
    throw new PBError(`${text}  Goodbye.`);
  }

  // What messages do

  find(id: ObjectId): Callable | undefined {
    return typeof id === "string" ? this.#owner.published(id) : this.exports.find(id);
  }

  findCache(id: ObjectId): Callable | undefined {
    const held = typeof id === "number" ? this.cachesHeld.get(id) : undefined;
    return held === undefined ? undefined : new CacheTarget(held as RemoteCache);
  }

  /** Answers a call. A result that cannot travel is an error for the caller. */
  answer(requestId: Expression, value: unknown, perspective: Perspective, isSettled = false): void {
    if (!this.isOpen) return;
    const out = new Outgoing(this, perspective, !isSettled);
    try {
      sendAnswer(this.outbox, out, requestId, value);
    } catch (error) {
      // A promise that is still there is where nobody can wait for it: in the state of a copy.
      if (error instanceof UnsettledError && !isSettled) {
        this.#answerLater(requestId, value, out);
        return;
      }
      this.#config.onEvent({ kind: "answer-failed", error });
      sendError(this.outbox, new Outgoing(this, perspective), requestId, error, this.#config);
    }
  }

  /** The result contains promises. `first` is what was written of it before the first of them. */
  #answerLater(requestId: Expression, value: unknown, first: Outgoing): void {
    const { perspective } = first;
    this.services.begin();
    settle(value).then(
      (settled) => {
        this.services.end();
        this.answer(requestId, settled, perspective, true);
        first.undo();
        this.serviceEnded();
      },
      (error: unknown) => {
        this.services.end();
        this.fail(requestId, error, perspective);
        first.undo();
        this.serviceEnded();
      },
    );
  }

  fail(requestId: Expression, error: unknown, perspective: Perspective): void {
    if (this.isOpen) sendError(this.outbox, new Outgoing(this, perspective), requestId, error, this.#config);
  }

  methodFailed(method: string, error: unknown): void {
    if (!isExpected(error)) this.#config.onEvent({ kind: "method-failed", method, error });
  }

  serviceEnded(): void {
    this.#owner.changed();
  }

  admitCall(): void {
    const { callsRunning, overload } = this.#config.limits;
    if (this.services.running < callsRunning) return;
    const error = new LimitError("callsRunning", `${callsRunning} calls are running; no more may`);
    if (overload === "close") queueMicrotask(() => this.#owner.end("limit", error));
    throw error;
  }

  localError(error: RemoteError): Error {
    return this.#config.localError(error);
  }

  takeCall(requestId: Expression): PendingCall {
    const call = this.calls.take(requestId);
    if (call === undefined) throw unknownRequest(requestId);
    return call;
  }

  released(id: ObjectId): void {
    let last;
    try {
      last = this.exports.release(id);
    } catch (cause) {
      const text = `The peer released the object ${id}, which it does not hold`;
      throw new ProtocolError("PROTOCOL_UNKNOWN_REFERENCE", text, { cause });
    }
    if (last !== undefined) this.#unreferenced(last.target);
  }

  cacheReleased(id: ObjectId): void {
    let last;
    try {
      last = this.cachesGiven.release(Number(id));
    } catch (cause) {
      const text = `The peer released the cache ${id}, which it does not hold`;
      throw new ProtocolError("PROTOCOL_UNKNOWN_CACHE", text, { cause });
    }
    if (last === undefined) return;
    // What is told to the observer now must still find the copy.
    this.#stoppedObserving(last);
    this.cachesGiven.forget(last.id);
    if (this.isOpen) sendReleases(this.outbox, "uncache", last.id, 1);
  }

  uncached(id: ObjectId): void {
    if (this.cachesHeld.forget(Number(id))) return;
    throw new ProtocolError("PROTOCOL_UNKNOWN_CACHE", `The peer forgot the cache ${id}, which we do not have`);
  }

  notUnderstood(what: string): void {
    this.#config.onEvent({ kind: "not-understood", what });
  }

  // Inside

  #requireOpen(): void {
    if (this.#end !== undefined) throw this.#end;
  }

  #stoppedObserving({ source, perspective, observer }: CacheGiven): void {
    this.#config.run(() => source.stoppedObserving(perspective, observer));
  }

  #unreferenced(target: Callable): void {
    this.#config.run(() => target.unreferenced?.(this.connection));
  }
}
