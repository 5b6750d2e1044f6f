// Checks streams that a program passes to `connect`, `accept` and `SocketLink`: a stream that cannot carry bytes would
// only show in a negotiation that is never answered.

import { Socket } from "node:net";
import { Duplex } from "node:stream";

/**
 * Throws `TypeError`, which says what to do, unless the stream is a duplex stream of bytes that nothing else reads or
 * writes. It may be paused, and it may be closed: then the connection ends at once.
 */
export function requireByteStream(stream: unknown): asserts stream is Duplex {
  if (!(stream instanceof Duplex))
    throw new TypeError(`Expected a connected stream, such as a net.Socket, not ${describe(stream)}`);
  if (stream.destroyed) return;
  if (stream.readableObjectMode || stream.writableObjectMode)
    throw new TypeError("The stream is in object mode: it must carry bytes, with objectMode: false");
  if (stream.readableEncoding !== null)
    throw new TypeError("The stream decodes its bytes to text: pass it without a call of setEncoding");
  if (stream.listenerCount("readable") > 0)
    throw new TypeError("The stream has a listener of the event readable, which takes the bytes: remove it first");
  if (stream.writableCorked > 0)
    throw new TypeError("The stream is corked, and would send nothing: call its method uncork first");
  if (used.has(stream)) throw new TypeError("Another connection uses the stream: pass each stream once");
  if (stream instanceof Socket && stream.pending && !stream.connecting)
    throw new TypeError("The socket is not connected: call its method connect first, or pass an endpoint");
}

/** Streams that belong to a connection. */
const used = new WeakSet<Duplex>();

/** Checks a stream as {@link requireByteStream} does, which refuses it from now on. */
export function takeStream(stream: Duplex): void {
  requireByteStream(stream);
  used.add(stream);
}

function describe(value: unknown): string {
  if (typeof value !== "object" || value === null) return typeof value === "string" ? "text" : String(value);
  return `an instance of ${value.constructor.name}`;
}
