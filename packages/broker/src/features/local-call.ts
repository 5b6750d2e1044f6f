// A call to a local object: what its method gets by `callContext()`, as over a connection.

import { enterContext, IncomingContext, runningCalls } from "../calls/call-context.js";
import type { CallNote } from "../calls/call-context.js";
import type { CallOptions } from "../calls/call-options.js";
import type { Connection, IncomingCall, Perspective } from "../calls/callable.js";
import { canceledByCaller, isDueToCancel } from "../calls/extension-errors.js";
import { readTraceparent } from "../calls/trace-context.js";
import { CallTimeoutError } from "../errors.js";
import type { CallReceiver } from "../flavors/perspective.js";

export class LocalCall {
  readonly #connection: Connection;
  readonly #perspective: Perspective;
  readonly #note: CallNote;
  readonly #signal: AbortSignal | undefined;
  #context: IncomingContext | undefined;
  readonly #abort = (): void => this.#context?.abort(this.#reason!);

  /** `options` include the inherited deadline and trace. Their signal aborts when the caller stops waiting. */
  constructor(connection: Connection, perspective: Perspective, options: CallOptions) {
    const { signal, timeoutMs, traceparent, tracestate, baggage } = options;
    this.#connection = connection;
    this.#perspective = perspective;
    this.#signal = signal;
    const deadline = timeoutMs === undefined || timeoutMs === Infinity ? undefined : performance.now() + timeoutMs;
    this.#note = { deadline, traceparent: readTraceparent(traceparent), tracestate, baggage, once: undefined };
  }

  /** Runs the method, also when its caller does not wait anymore: over a connection, it would have been sent. */
  run(object: CallReceiver, incoming: IncomingCall): unknown {
    const { areUsed, Scope } = runningCalls;
    const run = (call: IncomingCall): unknown => {
      if (areUsed) this.context();
      return object.receiveCall(call);
    };
    const outer = runningCalls.runner;
    runningCalls.runner = this;
    try {
      return Scope === undefined ? run(incoming) : new Scope("pb.call").runInAsyncScope(run, undefined, incoming);
    } finally {
      runningCalls.runner = outer;
    }
  }

  context(): IncomingContext {
    if (this.#context === undefined) {
      this.#context = new IncomingContext(this.#connection, this.#perspective, this.#note);
      if (this.#reason !== undefined) this.#abort();
      else this.#signal?.addEventListener("abort", this.#abort, { once: true });
      enterContext(this.#context);
    }
    return this.#context;
  }

  /** Whether a method failed because its caller does not wait anymore. */
  hasCanceled(error: unknown): boolean {
    const reason = this.#context?.reason ?? this.#reason;
    return reason !== undefined && isDueToCancel(error, reason);
  }

  /** Runs a callback when the caller stops waiting before the call has finished. */
  onCancel(callback: () => void): void {
    if (this.#signal?.aborted === true) callback();
    this.#onCancel = callback;
    this.#signal?.addEventListener("abort", callback, { once: true });
  }
  #onCancel: (() => void) | undefined;

  finish(): void {
    this.#context?.finish();
    if (this.#onCancel !== undefined) this.#signal?.removeEventListener("abort", this.#onCancel);
    this.#signal?.removeEventListener("abort", this.#abort);
  }

  /** Why the caller does not wait anymore. Undefined while it waits. The first use decides. */
  get #reason(): Error | undefined {
    if (this.#signal?.aborted !== true) return undefined;
    const { reason } = this.#signal as { readonly reason: unknown };
    return (this.#canceled ??= reason instanceof CallTimeoutError ? reason : canceledByCaller());
  }
  #canceled: Error | undefined;
}
