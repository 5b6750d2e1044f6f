// The fields of W3C Trace Context, which connect the spans of a call at both ends.

/** `traceparent`: version 00, 16 bytes of the trace, 8 bytes of the span, 1 byte of flags, in lower-case hex. */
const TRACEPARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** `tracestate`: at most 512 printable ASCII characters. */
const TRACESTATE = /^[\x20-\x7e]{1,512}$/;

export function isTraceparent(value: unknown): value is string {
  return typeof value === "string" && TRACEPARENT.test(value);
}

export function isTracestate(value: unknown): value is string {
  return typeof value === "string" && TRACESTATE.test(value);
}
