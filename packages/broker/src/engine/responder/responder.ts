// Calls of the peer: admits them, reads their arguments, and runs them, now or when it is their turn.

import { BananaError } from "@pb/banana";
import type { BananaReader, Steps } from "@pb/banana";
import type { Unjellier } from "@pb/jelly-types";
import { JellyError, printable } from "@pb/jelly-types";
import { IncomingContext, runningCalls } from "../../calls/call-context.js";
import type { CallNote } from "../../calls/call-context.js";
import type { Callable, IncomingCall, Perspective } from "../../calls/callable.js";
import { Canceled, isDueToCancel, NotExpected } from "../../calls/extension-errors.js";
import { LimitError, PBError, UnknownCacheError } from "../../errors.js";
import { cacheTarget } from "../../flavors/cacheable.js";
import { StreamSource } from "../../flavors/stream-source.js";
import { IncomingGraph } from "../../references/graph-context.js";
import { mentionArrivals } from "../../references/mentioned-caches.js";
import { originOf } from "../../references/reference-report.js";
import { releaseUnread, releaseUnreadInSteps } from "../../references/release-unread.js";
import { readArguments, readArgumentsInSteps } from "../../wire/arguments.js";
import type { CallArguments } from "../../wire/arguments.js";
import type { ReceivedCall } from "../../wire/messages.js";
import { isThenable } from "../../wire/promised-results.js";
import type { ConnectionParts } from "../connection-parts.js";
import { Answers } from "./answers.js";
import type { ExpectedResults } from "./answers.js";
import { recordArrival, recordUnstarted } from "./arrived-call.js";
import type { ArrivedCall } from "./arrived-call.js";
import { OpenCalls } from "./open-calls.js";
import type { HeldCall } from "./open-calls.js";
import { RepeatedCalls } from "./repeated-calls.js";
import { RunningMethods } from "./running-methods.js";

/** What the peer says about its calls before they arrive. */
export interface ArrivingCalls {
  /** A call has arrived, for an object with this perspective. Returns what the peer has said about it. */
  arrive(call: ReceivedCall, perspective: Perspective): CallNote | undefined;
}

export class Responder {
  readonly #core: ConnectionParts;
  readonly #open: OpenCalls;
  readonly #answers: Answers;
  readonly #methods: RunningMethods;
  /** Undefined until the first call that must run once. */
  #repeated: RepeatedCalls | undefined;
  /** Whether further calls are held, until others have finished or answers have left. */
  mustHold = false;
  /** What the peer has said about calls that have not arrived, if it has: a call then costs nothing else. */
  arriving: ArrivingCalls | undefined;
  /** Messages about calls that were ignored: malformed, about unknown calls, or too many. */
  ignored = 0;
  /** The object whose calls without an answer are not held: they cancel others. */
  prompt: Callable | undefined;

  constructor(core: ConnectionParts) {
    this.#core = core;
    this.#open = new OpenCalls(core);
    this.#answers = new Answers(core, this.#open);
    this.#methods = new RunningMethods(core.connection);
  }

  /** The number of calls whose result is not known yet. */
  get running(): number {
    return this.#open.running;
  }

  /** The method whose call was answered last with a result. Undefined before the first one. */
  get lastAnswered(): string | undefined {
    const { lastMethod } = this.#answers;
    return lastMethod === undefined ? undefined : printable(lastMethod);
  }

  /** The last class of which that answer contains a copy. */
  get lastType(): string | undefined {
    return this.#answers.lastType;
  }

  /** Whether a call of the peer is running, or has been called and has not returned yet. */
  get isWorking(): boolean {
    return this.#open.running > 0 || this.#methods.callee !== undefined;
  }

  /** The number of calls that have arrived and have not started. */
  get held(): number {
    return this.#open.held;
  }

  /** Bytes of the held calls. */
  get heldBytes(): number {
    return this.#open.heldBytes;
  }

  /** The peer calls results before it knows them. Undefined: it does not. */
  set expected(expected: ExpectedResults | undefined) {
    this.#answers.expected = expected;
  }

  /**
   * Reads a call and runs it, now or when it is its turn. `reader` stands before its arguments. An error of the call is
   * answered, not thrown.
   */
  receiveCall(received: ReceivedCall, reader: BananaReader): void {
    const call = received as ArrivedCall;
    const callable = this.#find(call);
    const note = this.arriving?.arrive(call, callable?.perspective ?? null);
    const incoming = this.#startArguments(call, callable, note);
    const start = reader.offset;
    let args: CallArguments;
    try {
      this.#checkMayRun(call, callable);
      args = readArguments(reader, this.#unjellier(), incoming);
      if (call.command === "cachemessage") mentionArrivals(callable.home, incoming);
    } catch (error) {
      this.#refuse(call, callable, error);
      releaseUnread(reader, start, 2, incoming);
      return;
    }
    this.#accept(call, callable, args, reader.offset - start, note);
  }

  #unjellier(): Unjellier {
    const { config, memory } = this.#core;
    const { unjellier } = config.codecs;
    if (unjellier === undefined || unjellier.isReading) return this.#core.unjellier;
    unjellier.heap = memory.heap;
    return unjellier;
  }

  /** As {@link receiveCall}, with pauses. The call counts as held meanwhile. */
  *receiveCallInSteps(received: ReceivedCall, reader: BananaReader): Steps<void> {
    const call = received as ArrivedCall;
    const callable = this.#find(call);
    const note = this.arriving?.arrive(call, callable?.perspective ?? null);
    const incoming = this.#startArguments(call, callable, note);
    const start = reader.offset;
    const open = this.#open;
    open.isReading = true;
    try {
      let args: CallArguments;
      try {
        this.#checkMayRun(call, callable);
        args = yield* readArgumentsInSteps(reader, this.#core.ownUnjellier, incoming);
        if (call.command === "cachemessage") mentionArrivals(callable.home, incoming);
      } catch (error) {
        this.#refuse(call, callable, error);
        yield* releaseUnreadInSteps(reader, start, 2, incoming);
        return;
      }
      open.isReading = false;
      this.#accept(call, callable, args, reader.offset - start, note);
    } finally {
      open.isReading = false;
      open.notifyIfIdle();
    }
  }

  /** Tells the hooks that the call has arrived, and returns the graph of its arguments, which are read next. */
  #startArguments(call: ArrivedCall, callable: Callable | undefined, note: CallNote | undefined): IncomingGraph {
    const { config } = this.#core;
    if (config.hooks !== undefined) recordArrival(this.#core, call, callable, note);
    const incoming = new IncomingGraph(this.#core, callable?.perspective ?? null);
    if (config.traceReferences) incoming.origin = originOf("in an argument of", call.method);
    return incoming;
  }

  #find({ command, target }: ReceivedCall): Callable | undefined {
    if (command === "message") return this.#core.exports.find(target);
    return typeof target === "number" ? cacheTarget(this.#core, target) : undefined;
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

  /** Refuses a call that may neither run nor be held. */
  #checkLimits({ wantsAnswer }: ReceivedCall): void {
    const { callsRunning, unsentBytes, overload } = this.#core.config.limits;
    const isRefused = overload !== "wait" && this.#open.running >= callsRunning;
    const isFull = this.#open.heldBytes > unsentBytes;
    if (!isRefused && !isFull) return;
    const error = new LimitError("callsRunning", `Too many calls are running: the limit is ${callsRunning}`);
    // The caller of a call without an answer would never learn that it was refused.
    const isEnd = isRefused ? overload === "close" : !wantsAnswer;
    if (isEnd) queueMicrotask(() => this.#core.owner.end("limit", error));
    throw error;
  }

  /** Answers a call that may not run or cannot be read. */
  #refuse(call: ArrivedCall, callable: Callable | undefined, error: unknown): void {
    this.#core.memory.checkMessage();
    const isFaultOfPeer = error instanceof JellyError || error instanceof BananaError;
    const { config, connection } = this.#core;
    if (isFaultOfPeer) config.reportUnreadable(printable(call.method), error, connection);
    else this.#answers.reportFailed(call.method, error);
    const isToPing = callable === undefined;
    if (call.wantsAnswer) this.#answers.sendError(call, error, callable?.perspective ?? null, isToPing);
    recordUnstarted(call, callable, "refused", error);
  }

  /** Runs a call whose arguments were read from so many bytes, or holds it. */
  #accept(call: ArrivedCall, callable: Callable, args: CallArguments, bytes: number, note: CallNote | undefined): void {
    const memory = this.#core.memory.messageUsed;
    const isPrompt = callable === this.prompt && !call.wantsAnswer;
    const mustWait = (this.mustHold || this.#open.heldBytes > 0) && !isPrompt;
    if (mustWait) this.#open.hold({ call, callable, args, bytes, memory, note });
    else this.#run(call, callable, args, memory, note);
  }

  /** Runs the oldest held call. Returns false when there is none, or when it has to wait. */
  runHeld(): boolean {
    const held = this.mustHold ? undefined : this.#open.takeHeld();
    if (held === undefined) return false;
    const { call, callable, args, memory, note } = held;
    if (this.#open.takeCanceled(call.requestId)) this.#answerCanceled(held, "canceled");
    else if ((note?.deadline ?? Infinity) < performance.now()) this.#answerCanceled(held, "timeout");
    else this.#run(call, callable, args, memory, note);
    return true;
  }

  #answerCanceled({ call, callable }: HeldCall, outcome: "canceled" | "timeout"): void {
    const error = new PBError("The caller does not wait for this call anymore, which has not started");
    if (call.wantsAnswer) this.#answers.sendError(call, error, callable.perspective);
    recordUnstarted(call, callable, outcome, error);
  }

  /**
   * The peer does not wait for the answer of a call anymore: its signal aborts, or it does not start. Returns false
   * when it has finished, and for an unknown call.
   */
  cancel(requestId: number, reason: Error): boolean {
    return this.#methods.cancel(requestId, reason) ?? this.#open.cancelHeld(requestId);
  }

  #run(
    call: ArrivedCall,
    callable: Callable,
    { args, kwargs }: CallArguments,
    memory: number,
    note: CallNote | undefined,
  ): void {
    const methods = this.#methods;
    if (note?.once !== undefined && call.wantsAnswer) {
      this.#repeated ??= new RepeatedCalls(this.#core, this.#open, methods, this.#answers);
      if (!this.#repeated.startsNow(call, callable, memory, note.once)) return;
    }
    let result: unknown;
    let isPromise = false;
    let context: IncomingContext | undefined;
    const outer = runningCalls.runner;
    runningCalls.runner = methods;
    methods.callee = callable;
    methods.note = note;
    try {
      const { method, wantsAnswer } = call;
      const validate = call.command === "message" ? this.#core.config.validate : undefined;
      const incoming: IncomingCall = { method, args, kwargs, wantsAnswer, validate };
      const { areUsed, Scope } = runningCalls;
      if (areUsed) methods.current = new IncomingContext(this.#core.connection, callable.perspective, note);
      if (call.kept !== undefined) methods.context().isKept = true;
      if (call.record !== undefined) methods.enterRecord(call, callable);
      // eslint-disable-next-line @typescript-eslint/unbound-method -- it is called with the object as `this`
      const run = areUsed ? (given: IncomingCall) => methods.runInContext(callable, given) : callable.receiveCall;
      result =
        Scope === undefined
          ? run.call(callable, incoming)
          : new Scope("pb.call").runInAsyncScope(run, callable, incoming);
      isPromise = isThenable(result);
    } catch (error) {
      this.#answers.fail(call, error, callable.perspective);
      return;
    } finally {
      runningCalls.runner = outer;
      methods.callee = undefined;
      methods.note = undefined;
      if (methods.current !== undefined) context = methods.leave(call.requestId, isPromise);
    }
    if (call.kept !== undefined) call.kept.context = context;
    if (isPromise) this.#answerLater(call, result, callable, memory, context);
    else this.#answers.answer(call, result, callable.perspective);
  }

  /** Runs the method of a call that has waited for a result, in its context. */
  resume(context: IncomingContext, target: Callable, incoming: IncomingCall): unknown {
    return this.#methods.resume(context, target, incoming);
  }

  #answerLater(
    call: ArrivedCall,
    result: unknown,
    callable: Callable,
    memory: number,
    context: IncomingContext | undefined,
  ): void {
    const { requestId } = call;
    const methods = this.#methods;
    const answers = this.#answers;
    this.#open.start(memory);
    const isPull = callable instanceof StreamSource;
    if (isPull) methods.addPull(requestId, result as object);
    const leave = (): void => {
      if (isPull) methods.deletePull(requestId);
      if (context !== undefined) methods.finish(requestId, context);
    };
    // `Promise.resolve`, because the `then` of a foreign promise may throw, and may call back more than once.
    Promise.resolve(result).then(
      (value) => {
        leave();
        this.#open.finish(() => answers.answer(call, value, callable.perspective), memory);
      },
      (error: unknown) => {
        leave();
        const failure = context?.reason === undefined ? error : this.#afterCancel(call, error, context.reason);
        this.#open.finish(() => answers.fail(call, failure, callable.perspective), memory);
      },
    );
  }

  /** What the caller gets when a method fails after its call was canceled. Reports errors that are not due to that. */
  #afterCancel({ method }: ReceivedCall, error: unknown, reason: Error): Canceled {
    if (!isDueToCancel(error, reason)) this.#answers.reportFailed(method, error);
    return new Canceled();
  }

  /** Resolves when no call is running or held, or when the connection has ended. */
  idle(): Promise<void> {
    return this.#open.idle();
  }

  /** The connection has ended: held calls do not run, and the signals of those that run abort. */
  end(reason: Error): void {
    for (const { call, callable } of this.#open.end()) recordUnstarted(call, callable, "lost", reason);
    this.#methods.end(reason);
    this.#repeated?.end();
    this.#answers.expected?.end(reason);
  }
}
