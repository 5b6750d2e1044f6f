// Hooks that observe the calls of a connection, in both directions: the option `telemetry`.

import { classOf, printable } from "@pb/jelly-types";
import { ArgumentsError, CallTimeoutError, ConnectionLostError } from "../errors.js";
import type { Connection, Perspective } from "./callable.js";
import { isBaggage, isTracestate, readTraceparent } from "./trace-context.js";

/**
 * Hooks that observe calls, for metrics, logs and spans. A hook is called once for each call, when the call starts. It
 * may return a {@link CallObserver}, whose `settled` is called once, when the call ends. Pings, the messages of `pbx`,
 * calls for the items of a stream, and calls that a hook makes before it returns are not observed.
 *
 * Errors that hooks throw are reported to `onEvent` as `callback-failed`, and change nothing.
 */
export interface Telemetry {
  /** Called for each call that this end makes, before it is sent. */
  readonly outgoing?: ((call: CallMade) => CallObserver | undefined) | undefined;
  /**
   * Called for each call of the peer, directly before its method runs, or when it is clear that it will not run. All
   * calls then have a context (`callContext`).
   */
  readonly incoming?: ((call: CallArrived) => CallObserver | undefined) | undefined;
}

/** What both hooks learn about a call. */
interface ObservedCall {
  readonly connection: Connection;
  /** False for a call without an answer: `sendRemote`, `broadcast`, updates of caches. */
  readonly wantsAnswer: boolean;
  /** The `traceparent` that the call has: its own, or that of the call of a peer for which it is made. */
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
  readonly baggage: string | undefined;
}

/** A call of this end. */
export interface CallMade extends ObservedCall {
  /** The name of a published object, such as `root`. Undefined for all others. */
  readonly target: string | undefined;
  /** The method that this program calls. */
  readonly method: string;
}

/** A call of the peer. */
export interface CallArrived extends ObservedCall {
  /** The avatar that is calling. Null without a login. */
  readonly perspective: Perspective;
  /**
   * The class of the object that is called. Undefined if there is no such object, or if the call did not start because
   * the call that it depends on (`pipe`) failed.
   */
  readonly type: string | undefined;
  /**
   * The method, if the object has it. Otherwise undefined: names that a peer can invent must not become labels of
   * metrics, whose number they would let grow. Also undefined for an object with a `receiveCall` of its own.
   */
  readonly method: string | undefined;
  /** The name that the peer sent, printable and cut. For logs and spans only. */
  readonly requested: string;
  /** Milliseconds that the call has waited until this hook: for its turn, or for the call that it depends on. */
  readonly waitedMs: number;
}

/** What a hook returns to follow a call. */
export interface CallObserver {
  /**
   * The `traceparent` of a span of this end. The call has it instead of its own: a call of this end is sent with it,
   * and a method sees it in `callContext()` and passes it on to the calls that it makes.
   */
  readonly traceparent?: string | undefined;
  /** The `tracestate` that belongs to it. */
  readonly tracestate?: string | undefined;
  /**
   * The `baggage` of W3C Baggage that belongs to it, at most 8,192 ASCII characters. Without it, a call with the
   * `traceparent` of this observer has none.
   */
  readonly baggage?: string | undefined;
  /**
   * Runs the method of a call of the peer, for example in an `AsyncLocalStorage`. Ignored for calls of this end. When
   * it does not call `method`, the method runs after it.
   */
  readonly run?: ((method: () => void) => void) | undefined;
  /** Called once, when the call has ended. A method that runs on after its caller has gone ends its call later. */
  readonly settled?: ((end: CallEnd) => void) | undefined;
}

/**
 * How a call ended:
 *
 * - `ok`: it was answered, or sent if it has no answer. A call of the peer: the method returned.
 * - `failed`: the method failed, or its result could not be sent or read.
 * - `refused`: a call of this end was not sent. A call of the peer did not run: there is no such object or method, its
 *   arguments are wrong or could not be read, a limit is reached, or the call that it depends on failed.
 * - `canceled`: its caller stopped waiting.
 * - `timeout`: its deadline was over.
 * - `lost`: the connection ended first.
 */
export type CallOutcome = "ok" | "failed" | "refused" | "canceled" | "timeout" | "lost";

/** The end of a call. */
export interface CallEnd {
  readonly outcome: CallOutcome;
  /** Milliseconds since the hook was called. */
  readonly durationMs: number;
  /** The error, or why the call was canceled. Undefined if there is none. */
  readonly error: unknown;
  /**
   * The name of the class that the error has in this program: for an error of the peer that is `RemoteError`, because a
   * peer can invent names. It is undefined if there is no error, or if it has no class.
   */
  readonly errorClass: string | undefined;
  /** The size of the message on the wire. Undefined if it was not sent, or is sent with another one. */
  readonly bytes: number | undefined;
  /** The size of the answer on the wire. Undefined if there was none yet. */
  readonly answerBytes: number | undefined;
}

/** What is known about a call of the peer when it arrives. */
interface Arrival {
  readonly connection: Connection;
  readonly method: string;
  readonly wantsAnswer: boolean;
  readonly bytes: number;
  /** What the caller has sent about it. */
  readonly note: Trace | undefined;
}

/** A trace, or none. */
interface Trace {
  readonly traceparent?: string | undefined;
  readonly tracestate?: string | undefined;
  readonly baggage?: string | undefined;
}

/** What a record uses of the context in which the method runs. */
interface MethodContext {
  /** Why the call was canceled. */
  readonly reason: Error | undefined;
  traceparent: string | undefined;
  tracestate: string | undefined;
  baggage: string | undefined;
}

/** What is known about it when it starts. Empty for a call whose object is not known. */
export type Start = Partial<Pick<CallArrived, "perspective" | "type" | "method">>;

const UNKNOWN: Start = {};

/** The hooks of a program. */
export class CallHooks {
  readonly #telemetry: Telemetry;
  readonly #report: (error: unknown, connection: Connection) => void;
  #isInHook = false;

  constructor(telemetry: Telemetry, report: (error: unknown, connection: Connection) => void) {
    this.#telemetry = telemetry;
    this.#report = report;
  }

  /** A call of this end starts. Undefined if it is not observed. */
  made(call: CallMade): CallRecord | undefined {
    const { outgoing } = this.#telemetry;
    if (outgoing === undefined || this.#isInHook) return undefined;
    const record = new CallRecord(this, call.connection);
    record.observer = this.#ask(() => outgoing(call), call.connection);
    return record;
  }

  /** A call of the peer has arrived. Undefined if it is not observed. */
  arrived(call: Arrival): ArrivedRecord | undefined {
    const { incoming } = this.#telemetry;
    if (incoming === undefined) return undefined;
    return new ArrivedRecord(this, call, (arrived) => this.#ask(() => incoming(arrived), call.connection));
  }

  /** Runs a hook, and reports its error. */
  run(hook: () => unknown, connection: Connection): unknown {
    const outer = this.#isInHook;
    this.#isInHook = true;
    try {
      const result = hook();
      if (!(result instanceof Promise)) return result;
      result.catch((error: unknown) => this.#report(error, connection));
    } catch (error) {
      this.#report(error, connection);
    } finally {
      this.#isInHook = outer;
    }
    return undefined;
  }

  /** Runs a method of a call of the peer by `run` of its observer: exactly once, whatever that does. */
  runMethod(observer: CallObserver, method: () => unknown, connection: Connection): unknown {
    let outcome: { readonly value: unknown } | { readonly error: unknown } | undefined;
    const once = (): void => {
      outcome ??= settle(method);
    };
    try {
      observer.run?.(once);
    } catch (error) {
      this.#report(error, connection);
    }
    once();
    if ("error" in outcome!) throw outcome.error;
    return outcome!.value;
  }

  #ask(hook: () => unknown, connection: Connection): CallObserver | undefined {
    return this.run(() => {
      const observer = hook();
      if (typeof observer !== "object" || observer === null || observer instanceof Promise) return observer;
      const { traceparent, run, settled } = observer as CallObserver;
      if (traceparent === undefined || isTrace(observer)) return observer;
      const text = "A hook returned a traceparent, tracestate or baggage in another form than that of the W3C";
      this.#report(new TypeError(text), connection);
      return { run: run?.bind(observer), settled: settled?.bind(observer) };
    }, connection) as CallObserver | undefined;
  }
}

function settle(method: () => unknown): { readonly value: unknown } | { readonly error: unknown } {
  try {
    return { value: method() };
  } catch (error) {
    return { error };
  }
}

function isTrace({ traceparent, tracestate, baggage }: Trace): boolean {
  if (readTraceparent(traceparent) === undefined) return false;
  return (tracestate === undefined || isTracestate(tracestate)) && (baggage === undefined || isBaggage(baggage));
}

/** An observed call that has not ended. */
export class CallRecord {
  protected readonly hooks: CallHooks;
  protected readonly connection: Connection;
  #start = performance.now();
  #isSettled = false;
  #isSent = false;
  observer: CallObserver | undefined;
  bytes: number | undefined;
  answerBytes: number | undefined;

  constructor(hooks: CallHooks, connection: Connection) {
    this.hooks = hooks;
    this.connection = connection;
  }

  /** Its trace: that of the observer, or the one that it has. */
  traceOf<Given extends Trace>(given: Given): Given {
    const { traceparent, tracestate, baggage } = this.observer ?? {};
    return traceparent === undefined ? given : { ...given, traceparent, tracestate, baggage };
  }

  /** The message was written. `bytes` is undefined if it follows another one that is being written. */
  sent(bytes: number | undefined): void {
    this.#isSent = true;
    this.bytes = bytes;
  }

  /** A message that should have followed another one could not be written. */
  notSent(): void {
    this.#isSent = false;
  }

  protected restart(): void {
    this.#start = performance.now();
  }

  /** The call has ended. Only the first end counts. */
  settle(outcome: CallOutcome, error?: unknown): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    const { observer, bytes, answerBytes } = this;
    if (observer?.settled === undefined) return;
    const durationMs = performance.now() - this.#start;
    const end: CallEnd = { outcome, durationMs, error, errorClass: classNameOf(error), bytes, answerBytes };
    this.hooks.run(() => observer.settled?.(end), this.connection);
  }

  /** A call of this end has failed. `signal` is that of the caller. */
  fail(error: unknown, signal: AbortSignal | undefined): void {
    const isCanceled = signal?.aborted === true && error === signal.reason;
    const outcome = isCanceled ? "canceled" : outcomeOf(error);
    this.settle(outcome ?? (this.#isSent ? "failed" : "refused"), error);
  }
}

/** An observed call of the peer. */
export class ArrivedRecord extends CallRecord {
  readonly #call: Arrival;
  readonly #ask: (call: CallArrived) => CallObserver | undefined;
  readonly #arrived = performance.now();
  #hasStarted = false;
  /** The context of the method, once that runs. */
  context: MethodContext | undefined;

  constructor(hooks: CallHooks, call: Arrival, ask: (call: CallArrived) => CallObserver | undefined) {
    super(hooks, call.connection);
    this.#call = call;
    this.#ask = ask;
    this.bytes = call.bytes;
  }

  /** The method runs now, or it is clear that it will not. */
  start({ perspective = null, type, method }: Start): void {
    if (this.#hasStarted) return;
    this.#hasStarted = true;
    this.restart();
    const { connection, wantsAnswer, note } = this.#call;
    this.observer = this.#ask({
      connection,
      perspective,
      type,
      method,
      requested: printable(this.#call.method),
      wantsAnswer,
      traceparent: note?.traceparent,
      tracestate: note?.tracestate,
      baggage: note?.baggage,
      waitedMs: performance.now() - this.#arrived,
    });
    this.restart();
  }

  /** Gives the method the trace of the observer. */
  trace(context: MethodContext): void {
    const { traceparent, tracestate, baggage } = this.traceOf(context);
    context.traceparent = traceparent;
    context.tracestate = tracestate;
    context.baggage = baggage;
  }

  runMethod(method: () => unknown): unknown {
    return this.observer?.run === undefined ? method() : this.hooks.runMethod(this.observer, method, this.connection);
  }

  /** A call that was canceled ends so, whatever its method does then. */
  override settle(outcome: CallOutcome, error?: unknown): void {
    const hasRun = this.#hasStarted;
    const reason = this.context?.reason;
    this.start(UNKNOWN);
    if (reason !== undefined) super.settle(outcomeOf(reason) ?? "canceled", reason);
    else super.settle(outcome === "failed" && (!hasRun || isRefusal(error)) ? "refused" : outcome, error);
  }
}

/** The outcome that the class of an error says. */
function outcomeOf(error: unknown): CallOutcome | undefined {
  if (error instanceof CallTimeoutError) return "timeout";
  return error instanceof ConnectionLostError ? "lost" : undefined;
}

function isRefusal(error: unknown): boolean {
  const code = error instanceof Error ? (error as { readonly code?: unknown }).code : undefined;
  return error instanceof ArgumentsError || code === "CALL_NO_SUCH_METHOD" || code === "CALL_NO_SUCH_ATTRIBUTE";
}

function classNameOf(error: unknown): string | undefined {
  try {
    const type: unknown = typeof error === "object" && error !== null ? classOf(error) : undefined;
    return typeof type === "function" ? printable(type.name) : undefined;
  } catch {
    return undefined; // A revoked proxy, or a class whose name is a getter that throws.
  }
}
