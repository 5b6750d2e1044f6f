// Options of a call, which are set before it: `reference.with({ timeoutMs: 500 }).call.echo("hi")`.

import { checkOptions } from "@pb/jelly-types";
import { isBaggage, isTracestate, readTraceparent } from "./trace-context.js";
import { checkDeadline } from "../deadline.js";
import type { DeadlineOptions } from "../deadline.js";

/** How long the caller waits for the answer, and the trace that the call belongs to. */
export interface CallOptions extends DeadlineOptions {
  /**
   * Stops waiting when it aborts: the call rejects with the reason of the signal. The method runs on, unless the peer
   * has this library or `txpb`: then its `callContext().signal` aborts, or its `Deferred` is canceled.
   */
  readonly signal?: AbortSignal | undefined;
  /**
   * Milliseconds to wait for the answer. Then the call rejects with `CallTimeoutError`, and the method is told as by
   * `signal`. Default: the time that is left of the call of a peer for which this one is made
   * (`callContext().deadline`), otherwise no limit. `Infinity` means no limit in any case.
   */
  readonly timeoutMs?: number | undefined;
  /**
   * The `traceparent` of W3C Trace Context, for a peer with this library or `txpb`. A version above 00 is sent as 00.
   * Default: that of the call of a peer for which this one is made.
   */
  readonly traceparent?: string | undefined;
  /** The `tracestate` that belongs to `traceparent`. */
  readonly tracestate?: string | undefined;
  /** The `baggage` of W3C Baggage that belongs to `traceparent`: at most 8,192 ASCII characters. */
  readonly baggage?: string | undefined;
}

/**
 * Throws `TypeError` for an unknown name, a signal that is none, a `timeoutMs` that is not a number of at least 0, and
 * a trace in another form than that of W3C Trace Context.
 */
export function checkCallOptions(options: CallOptions): void {
  checkOptions<CallOptions>(options, {
    signal: "signal",
    timeoutMs: "any",
    traceparent: "any",
    tracestate: "any",
    baggage: "any",
  });
  checkDeadline(options);
  const { traceparent, tracestate, baggage } = options;
  if (traceparent !== undefined && readTraceparent(traceparent) === undefined)
    throw new TypeError(
      "The option traceparent must have the form 00-<32 hex digits>-<16 hex digits>-<2 hex digits>, with ids other than 0",
    );
  if (tracestate !== undefined && !(isTracestate(tracestate) && traceparent !== undefined))
    throw new TypeError("The option tracestate must be text of at most 512 ASCII characters, beside a traceparent");
  if (baggage !== undefined && !(isBaggage(baggage) && traceparent !== undefined))
    throw new TypeError("The option baggage must be text of at most 8192 ASCII characters, beside a traceparent");
}
