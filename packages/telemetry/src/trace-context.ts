// Contexts of OpenTelemetry as the fields that a call carries, and back.

import {
  context,
  createContextKey,
  createTraceState,
  defaultTextMapGetter,
  defaultTextMapSetter,
  isSpanContextValid,
  propagation,
  ROOT_CONTEXT,
  trace,
} from "@opentelemetry/api";
import type { Context, SpanContext, TextMapPropagator } from "@opentelemetry/api";

/** What a call carries. */
export interface TraceFields {
  readonly traceparent?: string | undefined;
  readonly tracestate?: string | undefined;
  readonly baggage?: string | undefined;
}

/** The longest that a call carries. */
const LONGEST = { tracestate: 512, baggage: 8_192 } as const;

/** The `traceparent` of the call of a peer for which code runs. */
const CALLED_WITH = createContextKey("pb: traceparent of the call of a peer");

export class TraceContexts {
  readonly #baggage: TextMapPropagator | undefined;

  /** `baggage` reads and writes the field of this name. */
  constructor(baggage: TextMapPropagator | undefined) {
    this.#baggage = baggage;
  }

  /**
   * The context that a call of this end belongs to. That is the active one, where a context manager keeps it: it may
   * have a span within the call of the peer. A `traceparent` that the program has given to this call comes first.
   */
  ofMade(call: TraceFields): Context {
    const active = context.active();
    const isActive = call.traceparent === undefined || active.getValue(CALLED_WITH) === call.traceparent;
    const found = isActive ? active : withRemote(active, call, false);
    return propagation.getBaggage(found) === undefined ? this.#withBaggage(found, call) : found;
  }

  /** The context that a call of the peer belongs to. */
  ofArrived(call: TraceFields): Context {
    return this.#withBaggage(withRemote(ROOT_CONTEXT, call, true), call);
  }

  /** What a call carries that belongs to a context. */
  fieldsOf(found: Context): TraceFields {
    const span = trace.getSpanContext(found);
    if (span === undefined || !isSpanContextValid(span)) return {};
    const tracestate = bounded(span.traceState?.serialize(), LONGEST.tracestate);
    return { traceparent: traceparentOf(span), tracestate, baggage: this.#baggageOf(found) };
  }

  #baggageOf(found: Context): string | undefined {
    if (this.#baggage === undefined || propagation.getBaggage(found) === undefined) return undefined;
    const carrier: Record<string, string> = {};
    this.#baggage.inject(found, carrier, defaultTextMapSetter);
    return bounded(carrier.baggage, LONGEST.baggage);
  }

  #withBaggage(found: Context, { baggage }: TraceFields): Context {
    if (this.#baggage === undefined || baggage === undefined) return found;
    return this.#baggage.extract(found, { baggage }, defaultTextMapGetter);
  }
}

/** Runs a method in the context of the call, whose calls find it there. */
export function runIn(found: Context, traceparent: string | undefined, method: () => void): void {
  context.with(found.setValue(CALLED_WITH, traceparent), method);
}

/** The span of the caller. The broker has checked the form of its `traceparent`. */
export function remoteSpan({ traceparent, tracestate }: TraceFields, isRemote: boolean): SpanContext | undefined {
  if (traceparent === undefined) return undefined;
  const [, traceId = "", spanId = "", flags = "0"] = traceparent.split("-");
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- its replacement in @opentelemetry/core is tied to an SDK
  const traceState = tracestate === undefined ? {} : { traceState: createTraceState(tracestate) };
  return { traceId, spanId, traceFlags: parseInt(flags, 16), isRemote, ...traceState };
}

function withRemote(base: Context, call: TraceFields, isRemote: boolean): Context {
  const span = remoteSpan(call, isRemote);
  return span === undefined ? base : trace.setSpanContext(base, span);
}

function traceparentOf({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${(traceFlags & 0xff).toString(16).padStart(2, "0")}`;
}

/** Without text that the broker would refuse, and the trace with it. */
function bounded(text: string | undefined, most: number): string | undefined {
  return text === undefined || text.length > most || !/^[\x20-\x7e]+$/.test(text) ? undefined : text;
}
