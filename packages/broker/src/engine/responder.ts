// Calls of the peer: admits them, dispatches them to objects of this end, and answers them.

import { BananaError, decode, dispose, none } from "@pb/banana";
import type { BananaReader, Expression, Steps } from "@pb/banana";
import { JellyError, printable } from "@pb/jelly-types";
import { enterContext, IncomingContext, runningCalls } from "../calls/call-context.js";
import type { CallNote } from "../calls/call-context.js";
import type { Callable, IncomingCall, Perspective } from "../calls/callable.js";
import type { KeptAnswer, KeptCall, OnceNote, RunningContext } from "../calls/kept-call.js";
import type { ArrivedRecord, CallHooks } from "../calls/telemetry.js";
import { AnswerNotKept, Canceled, isDueToCancel, NotExpected } from "../calls/extension-errors.js";
import { isExpected, LimitError, PBError, UnknownCacheError } from "../errors.js";
import { Fifo } from "../fifo.js";
import { cacheTarget } from "../flavors/cacheable.js";
import { calledMethod } from "../flavors/called-method.js";
import { Batch } from "../flavors/stream-items.js";
import { cancelNext, discardStream, streamOf, StreamSource } from "../flavors/stream-source.js";
import { IncomingGraph, OutgoingGraph } from "../references/graph-context.js";
import { mentionArrivals } from "../references/mentioned-caches.js";
import { releaseUnread, releaseUnreadInSteps } from "../references/release-unread.js";
import { readArguments, readArgumentsInSteps } from "../wire/arguments.js";
import type { CallArguments } from "../wire/arguments.js";
import { Failure, RemoteError, UNKNOWN_ERROR } from "../wire/failure.js";
import type { ReceivedCall } from "../wire/messages.js";
import { containsPromise, isThenable, resolvePromises, settlePromises } from "../wire/promised-results.js";
import type { ConnectionParts } from "./connection-parts.js";
import { failureWithCopy } from "./error-copies.js";

/** A call of the peer, with the record that hooks have of it. */
interface ArrivedCall extends ReceivedCall {
  record: ArrivedRecord | undefined;
  /** Set when the call starts, if its answer is kept. */
  kept?: KeptCall;
}

/** A call whose arguments are read, and which waits until others have finished. */
interface HeldCall {
  readonly call: ArrivedCall;
  readonly callable: Callable;
  readonly args: CallArguments;
  /** The size of its arguments on the wire. */
  readonly bytes: number;
  /** The memory of its message. */
  readonly memory: number;
  readonly note: CallNote | undefined;
}

/** What the peer says about its calls before they arrive. */
export interface ArrivingCalls {
  /** A call has arrived, for an object with this perspective. Returns what the peer has said about it. */
  arrive(call: ReceivedCall, perspective: Perspective): CallNote | undefined;
}

/** Results that the peer calls before it knows them. */
export interface ExpectedResults {
  /** A call was answered with `value`, which was written as `graph`. */
  answered(requestId: Expression, value: unknown, graph: OutgoingGraph): void;
  /** A call was answered with an error. */
  failed(requestId: Expression, error: unknown): void;
  /** The connection has ended. */
  end(reason: Error): void;
}

/** The dialect of kept answers. */
const NONE = { dialect: none };

/** What a held call costs at least, in bytes: a call without arguments takes memory too. */
const HELD_CALL_BYTES = 64;

export class Responder {
  readonly #core: ConnectionParts;
  readonly #held = new Fifo<HeldCall>();
  /** Bytes of the held calls. */
  heldBytes = 0;
  /** Whether further calls are held, until others have finished or answers have left. */
  mustHold = false;
  #running = 0;
  /** Whether the arguments of a call are being read with pauses. */
  #isReading = false;
  /** The object whose method has been called and has not returned, and the context of that call. */
  #callee: Callable | undefined;
  #context: IncomingContext | undefined;
  /** The contexts of running calls by request id. Created with the first one: most programs do not ask for contexts. */
  #contexts: Map<unknown, RunningContext> | undefined;
  /** The calls that wait for the answer of an earlier arrival, and the memory of each. */
  readonly #repeats = new Map<Disposable, number>();
  /** Calls for items of streams that wait, by request id. */
  #pulls: Map<unknown, object> | undefined;
  /** Request ids of held calls that do not run, because the peer has canceled them. */
  #canceled: Set<number> | undefined;
  #idleCallbacks: (() => void)[] = [];
  /** What the peer has said about calls that have not arrived, if it has: a call then costs nothing else. */
  arriving: ArrivingCalls | undefined;
  /** Undefined while the peer expects no result. */
  expected: ExpectedResults | undefined;
  /** Messages about calls that were ignored: malformed, about unknown calls, or too many. */
  ignored = 0;
  /** The object whose calls without an answer are not held: they cancel others. */
  prompt: Callable | undefined;

  constructor(core: ConnectionParts) {
    this.#core = core;
  }

  /** The number of calls whose result is not known yet. */
  get running(): number {
    return this.#running;
  }

  /** Whether a call of the peer is running, or has been called and has not returned yet. */
  get isWorking(): boolean {
    return this.#running > 0 || this.#callee !== undefined;
  }

  /** The number of calls that have arrived and have not started. */
  get held(): number {
    return this.#held.size + (this.#isReading ? 1 : 0);
  }

  /**
   * Reads a call and runs it, now or when it is its turn. `reader` stands before its arguments. An error of the call is
   * answered, not thrown.
   */
  receiveCall(received: ReceivedCall, reader: BananaReader): void {
    const call = received as ArrivedCall;
    const callable = this.#find(call);
    const note = this.arriving?.arrive(call, callable?.perspective ?? null);
    const { hooks } = this.#core.config;
    if (hooks !== undefined) this.#record(hooks, call, callable, note);
    const incoming = new IncomingGraph(this.#core, callable?.perspective ?? null);
    const start = reader.offset;
    let args: CallArguments;
    try {
      this.#checkMayRun(call, callable);
      args = readArguments(reader, this.#core.unjellier, incoming);
      if (call.command === "cachemessage") mentionArrivals(callable.home, incoming);
    } catch (error) {
      this.#refuse(call, callable, error);
      releaseUnread(reader, start, 2, incoming);
      return;
    }
    this.#accept(call, callable, args, reader.offset - start, note);
  }

  /** As {@link receiveCall}, with pauses. The call counts as held meanwhile. */
  *receiveCallInSteps(received: ReceivedCall, reader: BananaReader): Steps<void> {
    const call = received as ArrivedCall;
    const callable = this.#find(call);
    const note = this.arriving?.arrive(call, callable?.perspective ?? null);
    const { hooks } = this.#core.config;
    if (hooks !== undefined) this.#record(hooks, call, callable, note);
    const incoming = new IncomingGraph(this.#core, callable?.perspective ?? null);
    const start = reader.offset;
    this.#isReading = true;
    try {
      let args: CallArguments;
      try {
        this.#checkMayRun(call, callable);
        args = yield* readArgumentsInSteps(reader, this.#core.unjellier, incoming);
        if (call.command === "cachemessage") mentionArrivals(callable.home, incoming);
      } catch (error) {
        this.#refuse(call, callable, error);
        yield* releaseUnreadInSteps(reader, start, 2, incoming);
        return;
      }
      this.#isReading = false;
      this.#accept(call, callable, args, reader.offset - start, note);
    } finally {
      this.#isReading = false;
      if (this.#running + this.held === 0) this.#notifyIdle();
    }
  }

  /** Notes a call that hooks observe. */
  #record(hooks: CallHooks, call: ArrivedCall, callable: Callable | undefined, note: CallNote | undefined): void {
    const { target, method, wantsAnswer } = call;
    if (target === "pbx" || (callable === undefined && target === "")) return; // What both ends do by themselves.
    const { connection, memory } = this.#core;
    call.record = hooks.arrived({ connection, method, wantsAnswer, note, bytes: memory.messageBytes });
  }

  /** A call that hooks observe starts, unless its object is a result that is not known yet. */
  #startRecord({ method, command }: ArrivedCall, record: ArrivedRecord, callable: Callable): void {
    const start = calledMethod(callable, method, command === "cachemessage");
    if (start !== undefined) record.start(start);
  }

  /** Throws for a call that may not run. */
  #checkMayRun(call: ReceivedCall, callable: Callable | undefined): asserts callable is Callable {
    // First, because a ping is a call to an object that does not exist, and is answered whatever is running.
    if (callable === undefined) throw this.#unknownTarget(call);
    this.#checkLimits(call);
  }

  #unknownTarget({ command, target }: ReceivedCall): Error {
    if (command === "cachemessage") return new UnknownCacheError(target);
    const isResult = this.prompt !== undefined && typeof target === "string" && target.startsWith("pbx:");
    return isResult ? new NotExpected() : new PBError("Invalid Object ID");
  }

  /** Answers a call that may not run or cannot be read. */
  #refuse(call: ArrivedCall, callable: Callable | undefined, error: unknown): void {
    this.#core.memory.checkMessage();
    const isFaultOfPeer = error instanceof JellyError || error instanceof BananaError;
    if (isFaultOfPeer) this.#core.config.reportUnreadable(printable(call.method), error);
    else this.#reportFailed(call.method, error);
    const isToPing = callable === undefined;
    if (call.wantsAnswer) this.#sendError(call, error, callable?.perspective ?? null, isToPing);
    if (call.record === undefined) return;
    if (callable !== undefined) this.#startRecord(call, call.record, callable);
    call.record.settle("refused", error);
  }

  /** Runs a call whose arguments were read from so many bytes, or holds it. */
  #accept(call: ArrivedCall, callable: Callable, args: CallArguments, bytes: number, note: CallNote | undefined): void {
    const memory = this.#core.memory.messageUsed;
    const isPrompt = callable === this.prompt && !call.wantsAnswer;
    if ((this.mustHold || this.heldBytes > 0) && !isPrompt) this.#hold({ call, callable, args, bytes, memory, note });
    else this.#run(call, callable, args, memory, note);
  }

  /** Runs the oldest held call. Returns false when there is none, or when it has to wait. */
  runHeld(): boolean {
    const held = this.mustHold ? undefined : this.#held.take();
    if (held === undefined) return false;
    this.heldBytes -= held.bytes + HELD_CALL_BYTES;
    this.#core.memory.releaseCall(held.memory);
    const isCanceled = this.#takeCanceled(held.call.requestId);
    if (isCanceled) this.#answerCanceled(held, "canceled");
    else if ((held.note?.deadline ?? Infinity) < performance.now()) this.#answerCanceled(held, "timeout");
    else this.#run(held.call, held.callable, held.args, held.memory, held.note);
    return true;
  }

  /**
   * The peer does not wait for the answer of a call anymore: its signal aborts, or it does not start. Returns false
   * when it has finished, and for an unknown call.
   */
  cancel(requestId: number, reason: Error): boolean {
    const pull = this.#pulls?.get(requestId);
    if (pull !== undefined) return cancelNext(pull);
    const context = this.#contexts?.get(requestId);
    if (context !== undefined) context.abort(reason);
    else if ((this.#canceled?.size ?? 0) < this.#held.size) (this.#canceled ??= new Set()).add(requestId);
    else return false;
    return true;
  }

  #takeCanceled(requestId: Expression): boolean {
    if (this.#canceled === undefined) return false;
    const isCanceled = this.#canceled.delete(requestId as number);
    if (this.#held.size === 0) this.#canceled = undefined; // The others were not held.
    return isCanceled;
  }

  #answerCanceled({ call, callable }: HeldCall, outcome: "canceled" | "timeout"): void {
    const error = new PBError("The caller does not wait for this call anymore, which has not started");
    if (call.wantsAnswer) this.#sendError(call, error, callable.perspective);
    if (call.record === undefined) return;
    this.#startRecord(call, call.record, callable);
    call.record.settle(outcome, error);
  }

  /** The connection has ended: held calls do not run, and the signals of those that run abort. */
  end(reason: Error): void {
    for (let held = this.#held.take(); held !== undefined; held = this.#held.take()) {
      const { call, callable } = held;
      if (call.record === undefined) continue;
      this.#startRecord(call, call.record, callable);
      call.record.settle("lost", reason);
    }
    this.#canceled = undefined;
    this.#isReading = false;
    this.heldBytes = 0;
    this.#running = 0;
    this.#notifyIdle();
    const contexts = [...(this.#contexts?.values() ?? [])];
    this.#contexts = undefined;
    this.#context?.abort(reason); // Its method has ended the connection.
    for (const context of contexts) if (!context.isKept) context.abort(reason);
    for (const [subscription, memory] of this.#repeats) {
      subscription[dispose]();
      this.#core.memory.finishCall(memory);
    }
    this.#repeats.clear();
    this.expected?.end(reason);
  }

  /** Resolves when no call is running or held, or when the connection has ended. */
  idle(): Promise<void> {
    if (this.#running + this.held === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleCallbacks.push(resolve));
  }

  #hold(held: HeldCall): void {
    this.#held.add(held);
    this.#core.memory.holdCall(held.memory);
    this.heldBytes += held.bytes + HELD_CALL_BYTES;
  }

  #run(
    call: ArrivedCall,
    callable: Callable,
    { args, kwargs }: CallArguments,
    memory: number,
    note: CallNote | undefined,
  ): void {
    if (note?.once !== undefined && call.wantsAnswer && !this.#startsNow(call, callable, memory, note.once)) return;
    let result: unknown;
    let isPromise = false;
    let context: IncomingContext | undefined;
    const outer = runningCalls.runner;
    runningCalls.runner = this;
    this.#callee = callable;
    try {
      const { method, wantsAnswer } = call;
      const validate = call.command === "message" ? this.#core.config.validate : undefined;
      const incoming: IncomingCall = { method, args, kwargs, wantsAnswer, validate };
      const { areUsed, Scope } = runningCalls;
      if (areUsed) this.#context = new IncomingContext(this.#core.connection, callable.perspective, note);
      if (call.kept !== undefined) this.context().isKept = true;
      if (call.record !== undefined) this.#enterRecord(call, call.record, callable);
      // eslint-disable-next-line @typescript-eslint/unbound-method -- it is called with the object as `this`
      const run = areUsed ? (given: IncomingCall) => this.#runInContext(callable, given) : callable.receiveCall;
      result =
        Scope === undefined
          ? run.call(callable, incoming)
          : new Scope("pb.call").runInAsyncScope(run, callable, incoming);
      isPromise = isThenable(result);
    } catch (error) {
      this.#fail(call, error, callable.perspective);
      return;
    } finally {
      runningCalls.runner = outer;
      this.#callee = undefined;
      if (this.#context !== undefined) context = this.#leave(call.requestId, isPromise);
    }
    if (call.kept !== undefined) call.kept.context = context;
    if (isPromise) this.#answerLater(call, result, callable, memory, context);
    else this.#answer(call, result, callable.perspective);
  }

  /** Whether a call that must run once runs now. Otherwise it gets the answer of its first run, or an error. */
  #startsNow(call: ArrivedCall, callable: Callable, memory: number, once: OnceNote): boolean {
    try {
      const kept = once.arrive(call.method);
      if (kept.isNew) {
        call.kept = kept;
        return true;
      }
      this.#answerAgain(call, callable, memory, kept);
    } catch (error) {
      this.#fail(call, error, callable.perspective);
    }
    return false;
  }

  /** Sends the answer of a call that has run, or runs, for an earlier arrival. */
  #answerAgain(call: ArrivedCall, callable: Callable, memory: number, kept: KeptCall): void {
    this.#running++;
    this.#core.memory.startCall(memory);
    const { context } = kept;
    // For `cancel`.
    if (context !== undefined) (this.#contexts ??= new Map<unknown, RunningContext>()).set(call.requestId, context);
    if (call.record !== undefined) this.#startRecord(call, call.record, callable);
    const subscription = kept.whenAnswered((answer) => {
      this.#repeats.delete(subscription);
      this.#contexts?.delete(call.requestId);
      this.#finish(() => this.#writeAgain(call, answer, callable.perspective), memory);
    });
    this.#repeats.set(subscription, memory);
  }

  #writeAgain(call: ArrivedCall, { command, value }: KeptAnswer, perspective: Perspective): void {
    if (value === undefined) return this.#fail(call, new AnswerNotKept(), perspective);
    if (this.#isOpen())
      this.#core.outbox.write({ command, requestId: call.requestId, value: decode(value, NONE), isRepeat: true });
    call.record?.settle(this.#isOpen() ? "ok" : "lost");
  }

  /** The method of a call that hooks observe runs now, or is told to wait for the result that it belongs to. */
  #enterRecord(call: ArrivedCall, record: ArrivedRecord, callable: Callable): void {
    const context = this.context();
    record.context = context;
    context.record = record;
    this.#startRecord(call, record, callable);
    record.trace(context);
  }

  /** The context of the call whose method has been called and has not returned. */
  context(): IncomingContext {
    if (this.#context === undefined) {
      this.#context = new IncomingContext(this.#core.connection, this.#callee?.perspective ?? null);
      enterContext(this.#context);
    }
    return this.#context;
  }

  /** Runs a method of a call that has waited, in its context. */
  resume(context: IncomingContext, target: Callable, incoming: IncomingCall): unknown {
    const outer = runningCalls.runner;
    const callee = this.#callee;
    const outerContext = this.#context;
    runningCalls.runner = this;
    this.#callee = target;
    this.#context = context;
    const run = (given: IncomingCall): unknown => this.#runInContext(target, given);
    const { record } = context;
    record?.start(calledMethod(target, incoming.method) ?? {});
    record?.trace(context);
    try {
      const { Scope } = runningCalls;
      return Scope === undefined ? run(incoming) : new Scope("pb.call").runInAsyncScope(run, target, incoming);
    } finally {
      runningCalls.runner = outer;
      this.#callee = callee;
      this.#context = outerContext;
    }
  }

  #runInContext(callable: Callable, incoming: IncomingCall): unknown {
    const context = this.context();
    enterContext(context);
    if (context.record === undefined) return callable.receiveCall(incoming);
    return context.record.runMethod(() => callable.receiveCall(incoming));
  }

  /**
   * A method has returned. Keeps its context while the call runs on. Returns it, or undefined when the call has
   * finished.
   */
  #leave(requestId: Expression, runsOn: boolean): IncomingContext | undefined {
    const context = this.#context!;
    this.#context = undefined;
    if (!runsOn) {
      context.finish();
      return undefined;
    }
    this.#contexts ??= new Map();
    // A peer may use an id twice.
    this.#contexts.set(this.#contexts.has(requestId) ? context : requestId, context);
    return context;
  }

  #finishContext(requestId: Expression, context: IncomingContext): void {
    context.finish();
    const key = this.#contexts?.get(requestId) === context ? requestId : context;
    this.#contexts?.delete(key);
  }

  #find({ command, target }: ReceivedCall): Callable | undefined {
    if (command === "message") return this.#core.exports.find(target);
    return typeof target === "number" ? cacheTarget(this.#core, target) : undefined;
  }

  /** Refuses a call that may neither run nor be held. */
  #checkLimits({ wantsAnswer }: ReceivedCall): void {
    const { callsRunning, unsentBytes, overload } = this.#core.config.limits;
    const isRefused = overload !== "wait" && this.#running >= callsRunning;
    const isFull = this.heldBytes > unsentBytes;
    if (!isRefused && !isFull) return;
    const error = new LimitError("callsRunning", `Too many calls are running: the limit is ${callsRunning}`);
    // The caller of a call without an answer would never learn that it was refused.
    const isEnd = isRefused ? overload === "close" : !wantsAnswer;
    if (isEnd) queueMicrotask(() => this.#core.owner.end("limit", error));
    throw error;
  }

  #answerLater(
    call: ArrivedCall,
    result: unknown,
    callable: Callable,
    memory: number,
    context: IncomingContext | undefined,
  ): void {
    this.#running++;
    this.#core.memory.startCall(memory);
    const isPull = callable instanceof StreamSource;
    if (isPull) (this.#pulls ??= new Map()).set(call.requestId, result);
    // `Promise.resolve`, because the `then` of a foreign promise may throw, and may call back more than once.
    Promise.resolve(result).then(
      (value) => {
        if (isPull) this.#pulls?.delete(call.requestId);
        if (context !== undefined) this.#finishContext(call.requestId, context);
        this.#finish(() => this.#answer(call, value, callable.perspective), memory);
      },
      (error: unknown) => {
        if (isPull) this.#pulls?.delete(call.requestId);
        if (context !== undefined) this.#finishContext(call.requestId, context);
        const failure = context?.reason === undefined ? error : this.#afterCancel(call, error, context.reason);
        this.#finish(() => this.#fail(call, failure, callable.perspective), memory);
      },
    );
  }

  /** What the caller gets when a method fails after its call was canceled. Reports errors that are not due to that. */
  #afterCancel({ method }: ReceivedCall, error: unknown, reason: Error): Canceled {
    if (!isDueToCancel(error, reason)) this.#reportFailed(method, error);
    return new Canceled();
  }

  /** A call that was counted as running has its result. */
  #finish(answer: () => void, memory?: number): void {
    if (memory !== undefined) this.#core.memory.finishCall(memory);
    if (this.#running > 0) this.#running--; // Zero after the end of the connection.
    if (this.#running + this.held === 0) this.#notifyIdle();
    answer();
    this.#core.owner.regulate();
  }

  #notifyIdle(): void {
    if (this.#idleCallbacks.length > 0) for (const resolve of this.#idleCallbacks.splice(0)) resolve();
  }

  /** Sends a result, if the caller wants it. If it cannot be sent, the caller gets an error. */
  #answer(call: ArrivedCall, value: unknown, perspective: Perspective, isResolved = false): void {
    if (!this.#mayAnswer(call)) {
      this.#watchUnsent(call, value);
      call.record?.settle(this.#isOpen() ? "ok" : "lost");
      return;
    }
    const { outbox, config } = this.#core;
    const { requestId } = call;
    const graph = new OutgoingGraph(this.#core, perspective, { mayHavePromises: !isResolved });
    graph.kept = call.kept;
    try {
      const isWritten = outbox.write({ command: "answer", requestId, value }, graph);
      if (!isWritten) {
        this.#answerWhenResolved(call, value, graph, perspective);
        return;
      }
      if (call.record !== undefined) this.#settleAnswered(call.record);
      if (this.expected !== undefined) this.expected.answered(requestId, value, graph);
    } catch (error) {
      const before = Batch.before(value, error);
      if (before !== undefined) {
        this.#answer(call, before, perspective);
        return;
      }
      this.#watchUnsent(call, value);
      if (this.#isOpen()) config.onEvent({ kind: "answer-failed", error });
      this.#sendError(call, error, perspective); // Does nothing if a state hook closed the connection.
      call.record?.settle(this.#isOpen() ? "failed" : "lost", error);
    }
  }

  /** Sends a result that contains promises, when they are resolved. References in `graph` stay counted until then. */
  #answerWhenResolved(call: ArrivedCall, value: unknown, graph: OutgoingGraph, perspective: Perspective): void {
    this.#running++;
    resolvePromises(value).then(
      (resolved) =>
        this.#finish(() => {
          this.#answer(call, resolved, perspective, true);
          graph.rollback();
        }),
      (error: unknown) =>
        this.#finish(() => {
          this.#fail(call, error, perspective);
          graph.rollback();
        }),
    );
  }

  /**
   * Ends a result that is a stream, and waits for the promises in one, when it is not sent. A promise that rejects is a
   * method that failed; unobserved, it would end the process.
   */
  #watchUnsent({ method }: ReceivedCall, value: unknown): void {
    const { config } = this.#core;
    const stream = streamOf(value, config.types);
    if (stream !== undefined) discardStream(stream).catch((error: unknown) => config.reportError(error));
    if (!containsPromise(value)) return;
    this.#running++;
    settlePromises(value).then(
      () => this.#finish(() => undefined),
      (error: unknown) => this.#finish(() => this.#reportFailed(method, error)),
    );
  }

  #fail(call: ArrivedCall, error: unknown, perspective: Perspective): void {
    this.#reportFailed(call.method, error);
    if (call.wantsAnswer) this.#sendError(call, error, perspective);
    // The caller does not learn of it. An example is an update for which a copy has no method.
    else if (isExpected(error)) this.#core.config.reportUnanswered(printable(call.method), error);
    call.record?.settle("failed", error);
  }

  #reportFailed(method: string, error: unknown): void {
    if (!isExpected(error)) this.#core.config.onEvent({ kind: "method-failed", method: printable(method), error });
  }

  /**
   * Sends an error as its description, with a copy of the error if its class is registered, or as the copy alone if the
   * option `errorCopies` says so. What cannot be sent is left out, so that the caller always gets an answer.
   */
  #sendError(call: ArrivedCall, error: unknown, perspective: Perspective, isToPing = false): void {
    if (!this.#mayAnswer(call)) return;
    this.#writeError(call, error, perspective, isToPing);
    const { requestId, record } = call;
    if (record !== undefined) record.answerBytes = this.#core.outbox.lastBytes;
    if (this.expected !== undefined) this.expected.failed(requestId, error);
  }

  #writeError({ requestId, kept }: ArrivedCall, error: unknown, perspective: Perspective, isToPing: boolean): void {
    const { outbox, config, owner } = this.#core;
    const write = (value: unknown): boolean => {
      const graph = new OutgoingGraph(this.#core, perspective);
      graph.kept = kept;
      return outbox.write({ command: "error", requestId, value, isToPing }, graph);
    };
    // A revoked proxy cannot even be asked for its class.
    if (attempt(() => error instanceof Error && config.types.writing(error) !== undefined)) {
      if ((config.errorCopies || error instanceof RemoteError) && attempt(() => write(error))) return;
      if (attempt(() => write(failureWithCopy(this.#core, error as Error, perspective)))) return;
    }
    if (attempt(() => write(new Failure(config.describeError(error))))) return;
    try {
      write(new Failure(UNKNOWN_ERROR));
    } catch (cause) {
      kept?.keepNothing();
      // The request id alone fills a message. Without an answer, the caller would wait forever.
      owner.end("limit", cause as Error);
    }
  }

  #isOpen(): boolean {
    return this.#core.connection.isOpen;
  }

  /** Whether an answer is written: it is sent, or at least kept. */
  #mayAnswer({ wantsAnswer, kept }: ArrivedCall): boolean {
    return wantsAnswer && (kept !== undefined || this.#isOpen());
  }

  #settleAnswered(record: ArrivedRecord): void {
    record.answerBytes = this.#core.outbox.lastBytes;
    record.settle(this.#isOpen() ? "ok" : "lost");
  }
}

/** Runs `action` and returns its result, or false when it throws. */
function attempt(action: () => boolean): boolean {
  try {
    return action();
  } catch {
    return false;
  }
}
