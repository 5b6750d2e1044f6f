// The options of `openTelemetry`.

import type { Attributes, MeterProvider, TextMapPropagator, TracerProvider } from "@opentelemetry/api";
import type { CallArrived, CallMade } from "./hooks.js";

/** The options of `openTelemetry`. */
export interface OpenTelemetryOptions {
  /** Where spans go. Default: the global provider of `@opentelemetry/api`, which is that of your SDK. */
  readonly tracerProvider?: TracerProvider | undefined;
  /** Where durations go. Default: the global provider. */
  readonly meterProvider?: MeterProvider | undefined;
  /**
   * Sends the baggage of a call to the peer, and reads that of the peer: `new W3CBaggagePropagator()` of
   * `@opentelemetry/core`. Default: none, because baggage often contains ids of users, which not every peer may learn.
   */
  readonly baggage?: TextMapPropagator | undefined;
  /**
   * Set it where peers are not trusted, as at a server for browsers. Each call of a peer then begins a trace of its
   * own, with a link to the span of the caller: the peer decides neither what is sampled nor what is in your traces.
   * Its baggage is ignored. Default: false.
   */
  readonly isPublic?: boolean | undefined;
  /**
   * Records the messages of errors in the status of spans. Default: false, because messages often contain arguments,
   * which are never recorded otherwise.
   */
  readonly errorMessages?: boolean | undefined;
  /**
   * The address that this program connects to: the attributes `server.address` and `server.port` of calls of this end.
   * Default: none. The address of the socket is in `network.peer.address` anyway.
   */
  readonly server?: { readonly address: string; readonly port?: number | undefined } | undefined;
  /** Methods of objects with a `receiveCall` of their own, for which they are not known. Default: none. */
  readonly methods?: readonly string[] | undefined;
  /** Further attributes of a span, such as the user. Default: none. */
  readonly attributes?: ((call: CallMade | CallArrived) => Attributes) | undefined;
  /** Leaves out calls for which it returns true: they have no span and no duration. Default: none. */
  readonly ignore?: ((call: CallMade | CallArrived) => boolean) | undefined;
}
