// Hooks of a broker that record calls as spans and durations of OpenTelemetry.

import { checkOptions } from "@pb/jelly-types";
import { metrics, SpanKind, SpanStatusCode, trace, ValueType } from "@opentelemetry/api";
import type { Attributes, Context, Histogram, Link, Meter, Span, Tracer } from "@opentelemetry/api";
import { RemoteError } from "@pb/broker";
import type { Connection } from "@pb/broker";
import { CallNames } from "./call-names.js";
import * as names from "./conventions.js";
import type { CallArrived, CallEnd, CallMade, CallObserver, Telemetry } from "./hooks.js";
import type { OpenTelemetryOptions } from "./options.js";
import { remoteSpan, runIn, TraceContexts } from "./trace-context.js";

declare const PB_VERSION: string;

/** As which this library is known in spans and metrics. */
export const SCOPE = "@pb/telemetry";
export const VERSION: string | undefined = typeof PB_VERSION === "string" ? PB_VERSION : undefined;

/** Outcomes that say more than the class of the error. */
const OUTCOMES: ReadonlySet<string> = new Set(["canceled", "timeout", "lost"]);

/**
 * Hooks for the option `telemetry` of a broker: a span and a duration for each call, by the semantic conventions of
 * OpenTelemetry 1.45 for RPC. Calls carry the trace to peers with `@pb/broker` or `txpb`; stock peers ignore it.
 * Arguments and results are never recorded. Throws `TypeError` for options that are wrong.
 */
export function openTelemetry(options: OpenTelemetryOptions = {}): Telemetry {
  const calls = new RecordedCalls(options);
  return { outgoing: (call) => calls.made(call), incoming: (call) => calls.arrived(call) };
}

class RecordedCalls {
  readonly #options: OpenTelemetryOptions;
  readonly #contexts: TraceContexts;
  readonly #names: CallNames;
  readonly #tracer: Tracer;
  readonly #made: Histogram;
  readonly #arrived: Histogram;
  readonly #server: Attributes;
  readonly #peers = new WeakMap<Connection, Attributes>();

  constructor(options: OpenTelemetryOptions) {
    check(options);
    const { tracerProvider = trace, meterProvider = metrics, server, methods = [] } = options;
    const meter = meterProvider.getMeter(SCOPE, VERSION);
    this.#options = options;
    this.#contexts = new TraceContexts(options.baggage);
    this.#names = new CallNames(methods);
    this.#tracer = tracerProvider.getTracer(SCOPE, VERSION);
    this.#made = durations(meter, names.CLIENT_DURATION, "Duration of outgoing calls");
    this.#arrived = durations(meter, names.SERVER_DURATION, "Duration of incoming calls");
    const port = server?.port === undefined ? {} : { [names.SERVER_PORT]: server.port };
    this.#server = server === undefined ? {} : { [names.SERVER_ADDRESS]: server.address, ...port };
  }

  /** A call without an answer has no span, because only its sending is known. It belongs to the span that is active. */
  made(call: CallMade): CallObserver | undefined {
    if (this.#options.ignore?.(call) === true) return undefined;
    const parent = this.#contexts.ofMade(call);
    if (!call.wantsAnswer) return this.#contexts.fieldsOf(parent);
    const base = {
      [names.RPC_SYSTEM_NAME]: names.SYSTEM,
      [names.RPC_METHOD]: this.#names.ofMade(call),
      ...this.#server,
    };
    const span = this.#start(call, SpanKind.CLIENT, base, {}, parent);
    const found = trace.setSpan(parent, span);
    return {
      ...this.#contexts.fieldsOf(found),
      settled: (end) => {
        this.#end(span, end, end.outcome !== "ok");
        record(this.#made, end, base, found);
      },
    };
  }

  arrived(call: CallArrived): CallObserver | undefined {
    if (this.#options.ignore?.(call) === true) return undefined;
    const method = this.#names.ofArrived(call);
    const base = { [names.RPC_SYSTEM_NAME]: names.SYSTEM, [names.RPC_METHOD]: method };
    const { isPublic = false } = this.#options;
    const parent = this.#contexts.ofArrived(isPublic ? {} : call);
    // An update of a cache or a broadcast belongs to no trace, and there may be thousands of them.
    if (!call.wantsAnswer && call.traceparent === undefined)
      return { settled: (end) => record(this.#arrived, end, base, parent) };
    const original = method === names.OTHER ? { [names.RPC_METHOD_ORIGINAL]: call.requested } : {};
    const span = this.#start(call, SpanKind.SERVER, base, original, parent, isPublic ? linkTo(call) : []);
    const found = trace.setSpan(parent, span);
    const fields = this.#contexts.fieldsOf(found);
    return {
      ...fields,
      run: (run) => runIn(found, fields.traceparent, run),
      settled: (end) => {
        // What the caller has done wrong, or does not wait for anymore, is no failure of this end.
        this.#end(span, end, end.outcome === "failed" || end.outcome === "timeout");
        record(this.#arrived, end, base, found);
      },
    };
  }

  #start(
    call: CallMade | CallArrived,
    kind: SpanKind,
    base: Attributes,
    more: Attributes,
    parent: Context,
    links: Link[] = [],
  ): Span {
    const method = base[names.RPC_METHOD] as string;
    const name = method === names.OTHER ? names.SYSTEM : method;
    const { connection } = call;
    const attributes = { ...base, ...more, ...this.#peerOf(connection), ...this.#options.attributes?.(call) };
    return this.#tracer.startSpan(name, { kind, attributes, links }, parent);
  }

  #end(span: Span, end: CallEnd, isError: boolean): void {
    if (span.isRecording()) {
      const { error } = end;
      if (end.outcome !== "ok") span.setAttribute(names.ERROR_TYPE, errorType(end));
      if (error instanceof RemoteError) span.setAttribute(names.REMOTE_ERROR, error.remoteType);
      const message = this.#options.errorMessages === true && error instanceof Error ? { message: error.message } : {};
      if (isError) span.setStatus({ code: SpanStatusCode.ERROR, ...message });
    }
    span.end();
  }

  /** What is known about the connection. The address of a peer does not change. */
  #peerOf(connection: Connection): Attributes {
    let found = this.#peers.get(connection);
    if (found === undefined) {
      found = peerAttributes(connection);
      this.#peers.set(connection, found);
    }
    return found;
  }
}

function linkTo(call: CallArrived): Link[] {
  const context = remoteSpan(call, true);
  return context === undefined ? [] : [{ context }];
}

function peerAttributes({ id, peer }: Connection): Attributes {
  const { address, description } = peer;
  const port = /^(?:tcp|tls):.*:(\d{1,5})$/.exec(description)?.[1];
  return {
    [names.CONNECTION_ID]: id,
    ...(address !== undefined && { [names.NETWORK_PEER_ADDRESS]: address }),
    ...(address !== undefined && port !== undefined && { [names.NETWORK_PEER_PORT]: Number(port) }),
  };
}

/** The class that the error has in this program: peers can invent names. */
function errorType({ outcome, errorClass }: CallEnd): string {
  return OUTCOMES.has(outcome) ? outcome : (errorClass ?? names.OTHER);
}

function record(histogram: Histogram, end: CallEnd, base: Attributes, found: Context): void {
  const attributes = end.outcome === "ok" ? base : { ...base, [names.ERROR_TYPE]: errorType(end) };
  histogram.record(end.durationMs / 1000, attributes, found);
}

function durations(meter: Meter, name: string, description: string): Histogram {
  const advice = { explicitBucketBoundaries: names.DURATION_BUCKETS };
  return meter.createHistogram(name, { unit: "s", description, valueType: ValueType.DOUBLE, advice });
}

function check(options: OpenTelemetryOptions): void {
  checkOptions<OpenTelemetryOptions>(options, {
    tracerProvider: "object",
    meterProvider: "object",
    baggage: "object",
    isPublic: "boolean",
    errorMessages: "boolean",
    server: "object",
    methods: "any",
    attributes: "function",
    ignore: "function",
  });
  const { methods = [], server, baggage } = options;
  if (baggage !== undefined && (typeof baggage.inject !== "function" || typeof baggage.extract !== "function"))
    throw new TypeError("The option baggage must be a propagator, as new W3CBaggagePropagator()");
  if (!Array.isArray(methods) || !methods.every((name) => typeof name === "string"))
    throw new TypeError("The option methods must be a list of names");
  const { address, port = 1 } = server ?? { address: "none" };
  if (typeof address !== "string" || address === "" || !Number.isInteger(port) || port < 1 || port > 65_535)
    throw new TypeError("The option server must be an address, as { address: 'shop.example', port: 8787 }");
}
