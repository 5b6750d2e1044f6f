// Calls of this end: sends them, keeps those that wait for an answer, and settles them when the answer arrives or the
// caller stops waiting.

import type { BananaReader, Expression, Steps } from "@pb/banana";
import { inheritedDetails, runningCalls } from "../calls/call-context.js";
import { IdRing } from "../calls/id-ring.js";
import type { Perspective } from "../calls/callable.js";
import type { CallRecord } from "../calls/telemetry.js";
import { isCanceled } from "../calls/extension-errors.js";
import { startDeadline } from "../deadline.js";
import type { Deadline } from "../deadline.js";
import { callTimeout, DeadReferenceError, LimitError, ProtocolError } from "../errors.js";
import type { ConnectionLostError } from "../errors.js";
import { IncomingGraph, OutgoingGraph } from "../references/graph-context.js";
import type { CallDetails, Expectation, OnceTicket, OutgoingGraphOptions } from "../references/graph-context.js";
import { noteSignal } from "../flavors/stream-reader.js";
import { PipelinedReference } from "../flavors/pipelined.js";
import type { Pipelining } from "../flavors/pipelined.js";
import { framesHere, originOf } from "../references/reference-report.js";
import { releaseUnread, releaseUnreadInSteps } from "../references/release-unread.js";
import { calledAs, RemoteError, unknownFailure } from "../wire/failure.js";
import { brief } from "../wire/messages.js";
import type { ObjectId } from "../wire/messages.js";
import type { ConnectionParts } from "./connection-parts.js";
import { requireName } from "./root-source.js";
import { readCopy } from "./error-copies.js";
import type { LoginGate } from "./login/login-gate.js";

/** A call that waits for its answer. */
interface PendingCall {
  readonly id: number;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** The reference that was called, which must not be collected before the answer arrives. */
  readonly keepAlive: unknown;
  /** The perspective for which references in the answer are read. */
  readonly perspective: Perspective;
  readonly isPing: boolean | undefined;
  readonly isPull: boolean | undefined;
  /** Also ends the stream that is the result. */
  readonly signal: AbortSignal | undefined;
  /** The graph of its arguments, if objects in it stay findable until the answer is read. */
  graph: OutgoingGraph | undefined;
  /**
   * When it expires, the promise of the call rejects, but the call stays pending: its answer may contain references to
   * release.
   */
  deadline: Deadline | undefined;
  isExpired: boolean;
  readonly expectation: Expectation | undefined;
  readonly record: CallRecord | undefined;
  /** Set if the call must run once. */
  readonly once: OnceTicket | undefined;
  /** Describes the call, if references are traced. */
  readonly origin: string | undefined;
}

/** What both ends can do beyond Twisted's protocol (docs/extension.md). */
export interface CallExtension extends Pipelining {
  /** Called directly before a call is written that has a deadline or a trace, or must run once. */
  announce(requestId: number, details: CallDetails): void;
  /** The caller does not wait for the answer of this call anymore. */
  cancel(requestId: number): void;
  /**
   * Called directly before a call is written whose result will be called. Returns false for a peer that does not run
   * such calls.
   */
  expect(requestId: number): boolean;
  /** No further call to the result of this call follows. */
  forget(requestId: number): void;
  /** See {@link Caller.prepare}. */
  prepare(once: OnceTicket): Promise<void>;
  /** What the peer can do. */
  ask(): Promise<ReadonlySet<string>>;
  /** Whether the peer has said that it reads a form of data. */
  peerReads(form: string): boolean;
  /** This end has the answer of a call that must run once, and does not send the call again. */
  confirm(key: string): void;
}

const KEEPS_OBJECTS: OutgoingGraphOptions = { keepsObjects: true };

export class Caller {
  readonly #core: ConnectionParts;
  readonly #pending = new IdRing<PendingCall>();
  #pendingPings = 0;
  #pendingPulls = 0;
  #lastId = 0;
  #idleCallbacks: (() => void)[] | undefined;
  /** Set when one of the ends has announced that it will close: whether a further call may be made now. */
  mayCall: (() => boolean) | undefined;
  /** Holds calls back while this end logs in. Undefined if it never has. */
  gate: LoginGate | undefined;
  /** Undefined without the option `extensions`. */
  extension: CallExtension | undefined;

  constructor(core: ConnectionParts) {
    this.#core = core;
  }

  /** The number of calls that wait for an answer, or are held back. */
  get pending(): number {
    return this.#pending.size + (this.gate === undefined ? 0 : this.gate.size);
  }

  /** The same without pings. */
  get inFlight(): number {
    return this.pending - this.#pendingPings;
  }

  /**
   * Sends a call and resolves with its answer. Rejects, never throws. The connection must be open: the reference has
   * checked that.
   */
  call(target: ObjectId, method: string, args: readonly unknown[], given: CallDetails): Promise<unknown> {
    const details = runningCalls.areUsed && given.isPing !== true ? inheritedDetails(given) : given;
    if (this.#core.config.hooks !== undefined) {
      const record = this.#recordOf(target, method, details, true);
      if (record !== undefined) return this.#callObserved(record, target, method, args, details);
    }
    if (this.gate?.isClosed === true && details.isPing !== true)
      return this.#callLater(this.gate, target, method, args, details);
    const answered = new Promise<unknown>((resolve, reject) => {
      details.signal?.throwIfAborted();
      if (this.mayCall !== undefined && details.isPing !== true && details.isPull !== true)
        this.#checkMayCall(this.mayCall);
      this.#checkLimit(this.#pending.size); // Held calls must not refuse the calls of the login.
      const { keepAlive, perspective, isPing, isPull, signal } = details;
      const id = ++this.#lastId;
      const call: PendingCall = {
        id,
        resolve,
        reject,
        keepAlive,
        perspective,
        isPing,
        isPull,
        signal,
        graph: undefined,
        deadline: undefined,
        isExpired: false,
        expectation: details.expectation,
        record: details.record,
        once: details.once,
        origin: this.#core.config.traceReferences ? originOf("in the answer to", method, framesHere()) : undefined,
      };
      this.#add(call);
      try {
        if ((details.timeoutMs ?? details.traceparent ?? details.once) !== undefined)
          this.extension?.announce(id, details);
        if (details.expectation !== undefined && this.extension?.expect(id) === true) details.expectation.id = id;
        const graph = this.#write(id, target, method, args, details, true);
        details.record?.sent(this.#core.outbox.lastBytes);
        if (graph.keepsAny || this.#core.outbox.isWriting) call.graph = graph;
      } catch (error) {
        this.#take(id);
        throw error; // A call that the peer was told about is never sent under this id.
      }
      // A state hook may have closed the connection, which has rejected the call.
      if ((details.signal ?? details.timeoutMs) !== undefined && this.#core.connection.isOpen)
        call.deadline = startDeadline(
          details,
          (timeoutMs) => callTimeout(method, timeoutMs),
          (reason) => this.#expire(call, reason),
        );
    });
    // `then` instead of an async function, which would cost a generator per call (bench `hundred`).
    return answered.then(undefined, (error: unknown) => {
      // The clock of the callee may be the first that notices the deadline.
      const isOver = details.timeoutMs !== undefined && isCanceled(error);
      throw isOver ? callTimeout(method, details.timeoutMs) : calledAs(method, error);
    });
  }

  /** Whether the peer has more than Twisted's protocol. Rejects when the connection ends. */
  async isExtended(): Promise<boolean> {
    return this.extension !== undefined && (await this.extension.ask()).size > 0;
  }

  /** Whether the peer has said that it reads a form of data (`reads` in docs/extension.md). */
  peerReads(form: string): boolean {
    return this.extension?.peerReads(form) === true;
  }

  /**
   * Before a call is sent that must run once: asks the peer whether it keeps the answer. Rejects when the connection
   * ends, and when the call was sent to another peer.
   */
  async prepare(once: OnceTicket): Promise<void> {
    if (this.extension === undefined) once.prepare(undefined);
    else await this.extension.prepare(once);
  }

  /** Makes a call that hooks observe. */
  async #callObserved(
    record: CallRecord,
    target: ObjectId,
    method: string,
    args: readonly unknown[],
    details: CallDetails,
  ): Promise<unknown> {
    try {
      this.#core.owner.requireOpen(); // The hook may have closed the connection.
      const result = await this.call(target, method, args, { ...record.traceOf(details), record });
      record.settle("ok");
      return result;
    } catch (error) {
      record.fail(error, details.signal);
      throw error;
    }
  }

  /** Tells the hooks of a call. Undefined if they do not observe it. */
  #recordOf(target: ObjectId, method: string, details: CallDetails, wantsAnswer: boolean): CallRecord | undefined {
    const { hooks } = this.#core.config;
    const isInternal = details.isPing === true || details.isPull === true;
    if (hooks === undefined || details.record !== undefined || isInternal) return undefined;
    return hooks.made({
      connection: this.#core.connection,
      target: typeof target === "string" && !target.startsWith("pbx:") ? target : undefined,
      method,
      wantsAnswer,
      traceparent: details.traceparent,
      tracestate: details.tracestate,
      baggage: details.baggage,
    });
  }

  /** Sends a call whose result can be called before it has arrived. Rejects with `dead` if it is given. */
  pipe(
    target: ObjectId,
    method: string,
    args: readonly unknown[],
    details: CallDetails,
    dead: Error | undefined,
  ): PipelinedReference {
    const expectation: Expectation = { id: undefined };
    const host = { connection: this.#core.connection, caller: this, perspective: details.perspective };
    const result =
      dead === undefined ? this.call(target, method, args, { ...details, expectation }) : Promise.reject(dead);
    return new PipelinedReference(result, host, expectation);
  }

  /**
   * Sends a call that has no answer. Throws `JellyError` for arguments that cannot be sent, and `ConnectionLostError`
   * when a state hook of an argument closed the connection. While this end logs in, the call is held back: it throws
   * `LimitError` when too many calls wait, and arguments that cannot be sent are reported later. The connection must be
   * open.
   *
   * It has the trace of the call of the peer for which it is made, but not its deadline, because nothing waits for it.
   * Updates of caches and broadcasts have none: a note for each would double their messages.
   */
  send(target: ObjectId, method: string, args: readonly unknown[], given: CallDetails): void {
    const isTraced = given.isPing !== true && given.isCache !== true && given.shared === undefined;
    const details = runningCalls.areUsed && isTraced ? inheritedDetails(given) : given;
    const { hooks } = this.#core.config;
    const record = hooks === undefined ? undefined : (details.record ?? this.#recordOf(target, method, details, false));
    if (record === undefined) this.#send(target, method, args, details, isTraced);
    else this.#sendObserved(record, target, method, args, details, isTraced);
  }

  /** Sends a call that hooks observe, and that has no answer. */
  #sendObserved(
    record: CallRecord,
    target: ObjectId,
    method: string,
    args: readonly unknown[],
    details: CallDetails,
    isTraced: boolean,
  ): void {
    try {
      this.#send(target, method, args, { ...record.traceOf(details), record }, isTraced);
    } catch (error) {
      record.fail(error, undefined);
      throw error;
    }
  }

  #send(target: ObjectId, method: string, args: readonly unknown[], details: CallDetails, isTraced: boolean): void {
    const { record, traceparent } = details;
    if (this.gate?.isClosed === true && details.isPing !== true) {
      this.#checkLimit(this.pending);
      const send = (): void => {
        const { config, connection } = this.#core;
        config.runCallback(() => this.send(target, method, args, details), connection);
      };
      this.gate.holdSend(send, (reason) => record?.fail(reason, undefined));
      return;
    }
    const id = ++this.#lastId;
    if (isTraced && traceparent !== undefined) this.extension?.announce(id, { ...details, timeoutMs: undefined });
    this.#write(id, target, method, args, details, false);
    record?.sent(this.#core.outbox.lastBytes);
    // A state hook may have closed the connection, which then sends nothing more.
    this.#core.owner.requireOpen();
    record?.settle("ok");
  }

  /**
   * Reads the result of a call and resolves the call with it. Throws {@link ProtocolError} when no call has this id.
   */
  receiveAnswer(requestId: Expression, reader: BananaReader): void {
    this.#readAnswer(this.#takeAnswered(requestId), reader, "answer");
  }

  /** Reads the error of a call and rejects the call with it. Throws {@link ProtocolError} when no call has this id. */
  receiveError(requestId: Expression, reader: BananaReader): void {
    this.#readAnswer(this.#takeAnswered(requestId), reader, "error");
  }

  /** As {@link receiveAnswer} and {@link receiveError}, with pauses. The call stays pending until it is settled. */
  *receiveInSteps(command: "answer" | "error", requestId: Expression, reader: BananaReader): Steps<void> {
    const call = typeof requestId === "number" ? this.#pending.get(requestId) : undefined;
    if (call === undefined) throw unknownRequest(requestId);
    this.#noteAnswer(call);
    const incoming = new IncomingGraph(this.#core, call.perspective);
    incoming.origin = call.origin;
    const start = reader.offset;
    try {
      const value = yield* this.#core.ownUnjellier.readGraphInSteps(reader, incoming);
      this.#take(call.id);
      this.#settle(call, command, value);
      if (call.isExpired) incoming.rollback();
    } catch (error) {
      this.#take(call.id);
      call.reject(error);
      this.#core.memory.checkMessage();
      yield* releaseUnreadInSteps(reader, start, 1, incoming);
    } finally {
      call.graph?.unkeep();
    }
  }

  /** The connection has ended: rejects all calls in the order in which they were made. */
  end(reason: ConnectionLostError): void {
    const calls = this.#pending.takeAll();
    this.#pendingPings = 0;
    this.#pendingPulls = 0;
    for (const call of calls) {
      call.deadline?.clear();
      if (call.expectation !== undefined) call.expectation.id = undefined;
      call.reject(reason);
    }
    this.gate?.end(reason);
    this.#checkIdle();
  }

  /** Whether no call waits for an answer, apart from pings and calls for items of streams, which may never come. */
  get isIdle(): boolean {
    return this.inFlight === this.#pendingPulls;
  }

  /** Resolves when it {@link isIdle}. */
  idle(): Promise<void> {
    return this.isIdle ? Promise.resolve() : new Promise((resolve) => (this.#idleCallbacks ??= []).push(resolve));
  }

  /** The caller does not wait anymore. The call stays pending: its answer may contain references to release. */
  #expire(call: PendingCall, reason: Error): void {
    call.isExpired = true;
    call.reject(reason);
    this.extension?.cancel(call.id);
  }

  /** Makes a call when the login that is in progress has ended. */
  async #callLater(
    gate: LoginGate,
    target: ObjectId,
    method: string,
    args: readonly unknown[],
    details: CallDetails,
  ): Promise<unknown> {
    try {
      details.signal?.throwIfAborted();
      this.#checkLimit(this.pending);
      return await gate.hold(method, details, (left) => this.call(target, method, args, { ...details, ...left }));
    } catch (error) {
      throw calledAs(method, error);
    } finally {
      this.#checkIdle();
    }
  }

  #write(
    requestId: number,
    target: ObjectId,
    method: string,
    args: readonly unknown[],
    { isCache, perspective, shared }: CallDetails,
    wantsAnswer: boolean,
  ): OutgoingGraph {
    if (typeof method !== "string") requireName("The name of a method", method);
    const { outbox, config } = this.#core;
    const graph = new OutgoingGraph(this.#core, perspective, wantsAnswer ? KEEPS_OBJECTS : undefined);
    if (config.traceReferences) graph.origin = originOf("in an argument of", method);
    if (outbox.isWriting) graph.onDeferredFailure = (error) => this.#failDeferred(requestId, error);
    const command = isCache === true ? "cachemessage" : "message";
    try {
      outbox.write({ command, requestId, target, method, args, wantsAnswer }, graph, shared);
      return graph;
    } catch (error) {
      if (this.#lastId === requestId) this.#lastId--; // Nothing was sent under this id.
      throw error;
    }
  }

  /** Fails a call of a state hook, whose arguments could only be written after the hook had returned. */
  #failDeferred(id: number, error: unknown): void {
    const call = this.#take(id);
    if (call !== undefined) {
      call.record?.notSent();
      call.reject(error);
    } else if (this.#core.connection.isOpen) this.#core.config.reportError(error, this.#core.connection);
  }

  #readAnswer(call: PendingCall, reader: BananaReader, command: "answer" | "error"): void {
    this.#noteAnswer(call);
    const incoming = new IncomingGraph(this.#core, call.perspective);
    incoming.origin = call.origin;
    const start = reader.offset;
    try {
      this.#settle(call, command, this.#core.unjellier.readGraph(reader, incoming));
      if (call.isExpired) incoming.rollback();
    } catch (error) {
      // Only this call fails: the scanner knows where the message ends. (Twisted drops the connection: wire
      // specification trap 3.)
      call.reject(error);
      this.#core.memory.checkMessage();
      releaseUnread(reader, start, 1, incoming);
    } finally {
      call.graph?.unkeep();
    }
  }

  /** The answer of a call arrives. */
  #noteAnswer({ record, once }: PendingCall): void {
    if (record !== undefined) record.answerBytes = this.#core.memory.messageBytes;
    // The messages of a call that was sent over several connections may still arrive: the key stays.
    if (once?.sends === 1) this.extension?.confirm(once.key);
  }

  #settle(call: PendingCall, command: "answer" | "error", value: unknown): void {
    if (command === "answer") {
      if (call.signal !== undefined && call.isPull !== true) noteSignal(value, call.signal);
      call.resolve(value);
    }
    // An error class of the program may throw in its constructor.
    else if (value instanceof RemoteError)
      call.reject(readCopy(this.#core, value, call.perspective) ?? this.#core.config.localError(value));
    else call.reject(value instanceof Error ? value : unknownFailure(value));
  }

  #checkMayCall(mayCall: () => boolean): void {
    if (!mayCall()) throw new DeadReferenceError("The connection is about to close. The call was not sent");
  }

  #checkLimit(waiting: number): void {
    const { callsWaiting } = this.#core.config.limits;
    if (waiting < callsWaiting) return;
    const text = `Too many calls wait for an answer: the limit is ${callsWaiting}`;
    throw new LimitError("callsWaiting", text);
  }

  #add(call: PendingCall): void {
    this.#pending.add(call);
    if (call.isPing === true) this.#pendingPings++;
    if (call.isPull === true) this.#pendingPulls++;
  }

  #take(id: number): PendingCall | undefined {
    const call = this.#pending.take(id);
    if (call?.isPing === true) this.#pendingPings--;
    if (call?.isPull === true) this.#pendingPulls--;
    call?.deadline?.clear();
    if (call?.expectation !== undefined) this.#forget(call.expectation);
    this.#checkIdle();
    return call;
  }

  /** The call is answered, or was not sent: its result is called directly from now on. */
  #forget(expectation: Expectation): void {
    const { id } = expectation;
    expectation.id = undefined;
    if (id !== undefined && this.#core.connection.isOpen) this.extension?.forget(id);
  }

  #takeAnswered(requestId: Expression): PendingCall {
    const call = typeof requestId === "number" ? this.#take(requestId) : undefined;
    if (call === undefined) throw unknownRequest(requestId);
    return call;
  }

  #checkIdle(): void {
    const callbacks = this.#idleCallbacks;
    if (callbacks === undefined || !this.isIdle) return;
    this.#idleCallbacks = undefined;
    for (const resolve of callbacks) resolve();
  }
}

function unknownRequest(requestId: Expression): ProtocolError {
  const text = `The peer answered the call ${brief(requestId)}, which was not made`;
  return new ProtocolError("PROTOCOL_UNKNOWN_REQUEST", text);
}
