// Buffers of messages that were sent, for the next messages of any writer: to allocate one takes longer than to write a
// message into it (benches `bytes` and `updates-100`).

/** The size of the buffer of a writer while another one has the shared buffer. */
export const OWN_BYTES = 512;
/** The largest of these buffers that is kept, and the bytes of all that are: those of 2,048 connections. */
const MAX_SMALL_BYTES = 4 * 1024;
const MAX_ALL_SMALL_BYTES = 1024 * 1024;
/** A larger buffer than this is kept for the next large message. */
export const LARGE_BYTES: number = 64 * 1024;
/** The largest that is kept: for pages of 130,000 bytes, and a few of them in one turn. */
const MAX_LARGE_BYTES = 256 * 1024;

const small: ArrayBuffer[] = [];
let smallBytes = 0;
let large: ArrayBuffer | undefined;

/** Keeps a buffer that only one writer has had, and that nothing uses anymore, if it is of a size that is needed. */
export function keepBuffer(buffer: ArrayBuffer): void {
  const { byteLength } = buffer;
  if (byteLength > LARGE_BYTES) {
    if (byteLength > (large?.byteLength ?? 0) && byteLength <= MAX_LARGE_BYTES) large = buffer;
  } else if (
    byteLength >= OWN_BYTES &&
    byteLength <= MAX_SMALL_BYTES &&
    smallBytes + byteLength <= MAX_ALL_SMALL_BYTES
  ) {
    small.push(buffer);
    smallBytes += byteLength;
  }
}

/** The small buffer that was kept last, if it has at least so many bytes. */
export function takeSmall(bytes: number): ArrayBuffer | undefined {
  const last = small.at(-1);
  if (last === undefined || last.byteLength < bytes) return undefined;
  smallBytes -= last.byteLength;
  return small.pop();
}

/** The large buffer, if it has at least so many bytes. */
export function takeLarge(bytes: number): ArrayBuffer | undefined {
  if (large === undefined || large.byteLength < bytes) return undefined;
  const taken = large;
  large = undefined;
  return taken;
}
