// What a method knows about the call that it runs for: `callContext()`.

import type { AsyncLocalStorage, AsyncResource } from "./async-hooks.js";
import { asyncHooks } from "./async-hooks.js";
import type { Connection, Perspective } from "./callable.js";
import { CallTimeoutError } from "../errors.js";
import type { OnceNote } from "./kept-call.js";
import { after } from "../timer.js";
import type { Timer } from "../timer.js";
import type { ArrivedRecord } from "./telemetry.js";

/** The call of a peer for which a method runs. */
export interface CallContext {
  /**
   * Aborts when the caller does not wait for the result anymore: it has canceled the call (its `signal` or `timeoutMs`,
   * if it has this library or `txpb`), its deadline is over, or the connection has ended, whatever the caller is. When
   * the connection of a call with `once` ends, it does not abort, because the caller asks for the answer over another
   * connection. The reason is an error. The method may stop or finish; its result is not sent.
   */
  readonly signal: AbortSignal;
  /**
   * When the caller stops waiting, in milliseconds on the clock of `performance.now()`. Undefined when it has no limit,
   * or does not tell: a stock Twisted peer. Calls that the method makes without `timeoutMs` end then too.
   */
  readonly deadline: number | undefined;
  /** The `traceparent` of W3C Trace Context that the caller has sent. Calls that the method makes pass it on. */
  readonly traceparent: string | undefined;
  /** The `tracestate` that belongs to it. */
  readonly tracestate: string | undefined;
  /** The `baggage` of W3C Baggage that belongs to it. Hooks (`telemetry`) send it. Calls pass it on. */
  readonly baggage: string | undefined;
  /** The connection over which the call arrived. Its `peer` is what the transport knows about the caller. */
  readonly connection: Connection;
  /** The avatar that is calling. Null without a login. */
  readonly perspective: Perspective;
}

/** What a caller has sent about its call (`note` of `pbx`). */
export interface CallNote {
  readonly deadline: number | undefined;
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
  readonly baggage: string | undefined;
  /** Set if the call must run once, although it may arrive several times. */
  readonly once: OnceNote | undefined;
}

const NO_NOTE: CallNote = {
  deadline: undefined,
  traceparent: undefined,
  tracestate: undefined,
  baggage: undefined,
  once: undefined,
};

export class IncomingContext implements CallContext {
  readonly connection: Connection;
  /** Set again when a call that has waited for a result starts. */
  perspective: Perspective;
  readonly deadline: number | undefined;
  /** Those that the caller has sent, or those of the span of a hook (`telemetry`). */
  traceparent: string | undefined;
  tracestate: string | undefined;
  baggage: string | undefined;
  /** The record of the call, if hooks observe it. */
  record: ArrivedRecord | undefined;
  /** Created when the method asks for the signal. */
  #controller: AbortController | undefined;
  #timer: Timer | undefined;
  #reason: Error | undefined;
  #isFinished = false;
  /** Whether its answer is kept: it does not abort when the connection ends, because the caller asks for it again. */
  isKept = false;
  /** Called when it aborts. */
  onAbort: ((reason: Error) => void) | undefined;

  constructor(connection: Connection, perspective: Perspective, note: CallNote = NO_NOTE) {
    this.connection = connection;
    this.perspective = perspective;
    this.deadline = note.deadline;
    this.traceparent = note.traceparent;
    this.tracestate = note.tracestate;
    this.baggage = note.baggage;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
      else this.startDeadline();
    }
    return this.#controller.signal;
  }

  /** Why the call was canceled. Undefined if it was not. */
  get reason(): Error | undefined {
    return this.#reason;
  }

  /** Aborts at the deadline. The timer is started only where something can abort. */
  startDeadline(): void {
    if (this.deadline === undefined || this.#timer !== undefined || this.#isFinished) return;
    const left = this.deadline - performance.now();
    this.#timer = after(Math.max(Math.ceil(left), 0), () =>
      this.abort(new CallTimeoutError("The deadline of the caller is over: it does not wait for the answer anymore")),
    );
  }

  /** The caller does not wait for the result anymore. Does nothing when the method has finished. */
  abort(reason: Error): void {
    if (this.#reason !== undefined || this.#isFinished) return;
    this.#reason = reason;
    clearTimeout(this.#timer);
    this.#controller?.abort(reason);
    this.onAbort?.(reason);
  }

  /** The method has finished. */
  finish(): void {
    this.#isFinished = true;
    clearTimeout(this.#timer);
  }
}

/** What runs a method: it makes the context of the call when it is first asked for. */
interface MethodRunner {
  context(): IncomingContext;
}

/**
 * The calls that run now. One object, whose properties the responder reads and writes for each call: that costs less
 * than functions.
 */
export const runningCalls: {
  /** Runs a method that has not returned or reached its first `await` yet. */
  runner: MethodRunner | undefined;
  /** Whether contexts are in use in this process: each call then has one from its start. */
  areUsed: boolean;
  /**
   * Each method runs in an async scope of its own, where the platform has them: what it enters there
   * (`AsyncLocalStorage.enterWith`) ends with it, and does not leak into the next call of the batch.
   */
  readonly Scope: typeof AsyncResource | undefined;
} = { runner: undefined, areUsed: false, Scope: asyncHooks?.AsyncResource };

/** Contexts of calls behind their first `await`, where the platform can tell. Created when contexts are first used. */
let storage: AsyncLocalStorage<IncomingContext> | undefined;

/** From now on, `context` is that of the async scope that runs. */
export function enterContext(context: IncomingContext): void {
  if (asyncHooks === undefined) return;
  storage ??= new asyncHooks.AsyncLocalStorage();
  storage.enterWith(context);
}

/** The context of the call that runs, if there is one. */
export function currentContext(): IncomingContext | undefined {
  return runningCalls.runner?.context() ?? storage?.getStore();
}

/** What a call passes on of the call for which it is made. */
interface Inherited {
  readonly timeoutMs?: number | undefined;
  readonly traceparent?: string | undefined;
  readonly tracestate?: string | undefined;
  readonly baggage?: string | undefined;
  /** Whether it was made in another context than the one that runs: it waited for a login. */
  readonly hasInherited?: boolean;
}

/** The options of a call, with the deadline and the trace of the call for which it is made if it has none. */
export function inheritedDetails<Details extends Inherited>(details: Details): Details {
  const context = details.hasInherited === true ? undefined : currentContext();
  if (context === undefined) return details;
  const { deadline } = context;
  const left = deadline === undefined ? undefined : Math.max(Math.ceil(deadline - performance.now()), 0);
  const trace = details.traceparent === undefined ? context : details;
  return {
    ...details,
    timeoutMs: details.timeoutMs ?? left,
    traceparent: trace.traceparent,
    tracestate: trace.tracestate,
    baggage: trace.baggage,
    hasInherited: true,
  };
}

/**
 * The call of the peer for which the method runs that calls this: `const { signal } = callContext();`. Call it before
 * the first `await` of the method. In Node, Deno and Bun it can also be called later, once contexts are in use in the
 * process, and by all functions that the method calls; browsers cannot tell there.
 *
 * Throws `TypeError` outside of a call of a peer.
 */
export function callContext(): CallContext {
  const context = currentContext();
  runningCalls.areUsed = true;
  if (context !== undefined) return context;
  throw new TypeError("There is no call of a peer here: use callContext() in a method, before its first await");
}
