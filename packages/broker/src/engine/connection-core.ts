// What a connection remembers while both ends can call, and everything that happens then: calls, references, copies, caches.

import type { BananaReader, Dialect, Expression } from "@pb/banana";
import { Unjellier } from "@pb/jelly-types";
import { giveUpOn } from "../calls/abandon.js";
import type { Callable, Connection, Perspective } from "../calls/callable.js";
import { Outgoing } from "../references/graph-context.js";
import type { CallDetails, Channel } from "../references/graph-context.js";
import { isExpected, LimitError } from "../errors.js";
import type { CloseReason, ConnectionLostError, PBError } from "../errors.js";
import { calledAs } from "../wire/failure.js";
import type { RemoteError } from "../wire/failure.js";
import { CacheTarget } from "../flavors/cacheable.js";
import type { RemoteCache } from "../flavors/cacheable.js";
import { RemoteReference } from "../flavors/remote-reference.js";
import type { Load } from "../link/backpressure.js";
import { Given } from "../references/exports.js";
import type { GivenOver } from "../references/exports.js";
import { Held } from "../references/imports.js";
import { handle, unknownRequest } from "./receive.js";
import type { Inbound } from "./receive.js";
import type { Link } from "../link/link.js";
import { readMessage, writeVersion } from "../wire/messages.js";
import type { ObjectId } from "../wire/messages.js";
import type { BrokerConfig } from "./config.js";
import { sendAnswer, sendCall, sendError, sendReleases } from "./send.js";
import { Outbox } from "./outbox.js";
import { settle, UnsettledError } from "../wire/promised-results.js";
import { Calls } from "../calls/pending-calls.js";
import type { PendingCall } from "../calls/pending-calls.js";
import { Services } from "../calls/running-calls.js";

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

export class Exchange implements Channel, Inbound, GivenOver, Load {
  readonly connection: Connection;
  readonly unjellier: Unjellier;
  readonly outbox: Outbox;
  readonly given: Given;
  readonly held: Held<RemoteReference>;
  /** Calls of ours. */
  readonly calls: Calls = new Calls();
  /** Calls of the peer. */
  readonly services: Services = new Services();
  readonly #owner: ExchangeOwner;
  readonly #config: BrokerConfig;
  /** Why it is over, once it is. */
  #end: ConnectionLostError | undefined;

  constructor(dialect: Dialect, owner: ExchangeOwner) {
    const { config } = owner;
    this.#owner = owner;
    this.#config = config;
    this.connection = owner.connection;
    this.unjellier = new Unjellier({ registry: config.types, policy: config.policy, ...config.exactness });
    this.outbox = new Outbox(dialect, config, owner.link.takesViews === true, (bytes) => owner.send(bytes));
    this.given = new Given(this, config);
    this.held = new Held(
      (id, perspective) => new RemoteReference(this, id, perspective),
      (command, id, count) => {
        if (this.isOpen) sendReleases(this.outbox, command, id, count);
      },
      config.traceReferences,
    );
    this.keepAlive();
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

  /** The peer's object of that name. Throws {@link ConnectionLostError} when it is over. */
  named(name: string): RemoteReference {
    this.requireOpen();
    return this.held.named(name);
  }

  /** Says the version: at the start, and whenever a sign of life is wanted that nobody answers. */
  keepAlive(): void {
    this.outbox.write(undefined, (writer) => writeVersion(writer));
  }

  /** Ends everything: calls reject first, then who was observed hears. References that the peer held end last: {@link Given.endReferences}. */
  end(reason: ConnectionLostError): void {
    this.#end = reason;
    this.outbox.flush();
    for (const call of this.calls.takeAll()) call.reject(reason);
    this.given.endCaches();
  }

  // What references do

  call(target: ObjectId, method: string, args: readonly unknown[], how: CallDetails): Promise<unknown> {
    const answered = new Promise<unknown>((resolve, reject) => {
      how.signal?.throwIfAborted();
      this.requireOpen();
      if (this.calls.size >= this.#config.limits.callsWaiting) {
        throw new LimitError("callsWaiting", `${this.calls.size} calls wait for an answer; no more may`);
      }
      const id = this.calls.nextId();
      const { pins, perspective, isPing } = how;
      const pending: PendingCall = { id, resolve, reject, pins, perspective, isPing };
      this.#sendCall(id, target, method, args, how, true);
      this.requireOpen(); // a state hook may have closed the connection
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
    this.requireOpen();
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
    if (call !== undefined) call.reject(error);
    else if (this.isOpen) this.report(error);
  }

  report(error: unknown): void {
    this.#config.onEvent({ kind: "callback-failed", error });
  }

  // What messages do

  find(id: ObjectId): Callable | undefined {
    return typeof id === "string" ? this.#owner.published(id) : this.given.find(id);
  }

  home(id: ObjectId): object | undefined {
    return this.find(id)?.home;
  }

  findCache(id: ObjectId): Callable | undefined {
    const cache = typeof id === "number" ? this.held.caches.get(id) : undefined;
    return cache === undefined ? undefined : new CacheTarget(cache as RemoteCache);
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
      if (this.#end !== undefined) return; // a state hook closed the connection
      this.#config.onEvent({ kind: "answer-failed", error });
      this.fail(requestId, error, perspective);
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
    if (!this.isOpen) return;
    try {
      sendError(this.outbox, new Outgoing(this, perspective), requestId, error, this.#config);
    } catch (cause) {
      // Its own request id leaves no room for an answer: the caller would wait for ever.
      this.#owner.end("limit", cause as Error);
    }
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

  notUnderstood(what: string): void {
    this.#config.onEvent({ kind: "not-understood", what });
  }

  // What the peer holds of ours

  forgotten(id: number): void {
    sendReleases(this.outbox, "uncache", id, 1);
  }

  overLimit(error: PBError): void {
    this.#owner.end("limit", error);
  }

  /** Throws {@link ConnectionLostError} when it is over. */
  requireOpen(): void {
    if (this.#end !== undefined) throw this.#end;
  }
}
