// The fields of W3C Trace Context, which connect the spans of a call at both ends.

/**
 * `traceparent`: version, 16 bytes of the trace, 8 bytes of the span, 1 byte of flags, in lower-case hex. A version
 * above 00 may continue after the flags.
 */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32}-[0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** An id of the trace or of the span that is not valid. */
const NO_ID = /^0{32}|-0{16}$/;

/** `tracestate`: at most 512 printable ASCII characters. */
const TRACESTATE = /^[\x20-\x7e]{1,512}$/;

/** `baggage` of W3C Baggage: at most 8,192 printable ASCII characters, which every platform must be able to pass on. */
const BAGGAGE = /^[\x20-\x7e]{1,8192}$/;

/**
 * Returns a `traceparent` as version 00, whose fields higher versions keep (W3C Trace Context, "Versioning of
 * traceparent"): of their flags only the first bit, and nothing after them. Undefined for anything else.
 */
export function readTraceparent(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  const [, version, ids, flags, more] = TRACEPARENT.exec(value) ?? [];
  if (version === undefined || version === "ff" || NO_ID.test(ids!)) return undefined;
  if (version === "00") return more === undefined ? value : undefined;
  return `00-${ids!}-0${parseInt(flags!, 16) & 1}`;
}

export function isTracestate(value: unknown): value is string {
  return typeof value === "string" && TRACESTATE.test(value);
}

export function isBaggage(value: unknown): value is string {
  return typeof value === "string" && BAGGAGE.test(value);
}
