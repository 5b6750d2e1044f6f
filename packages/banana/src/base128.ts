// Numbers as digits of seven bits, least significant first: both directions.

/** Digits that a number below 2^49 may have; seven digits are exact in a JavaScript number. */
const CHUNK_DIGITS = 7;
const CHUNK_BITS = BigInt(7 * CHUNK_DIGITS);
const CHUNK_MASK = (1n << CHUNK_BITS) - 1n;

/** Writes the shortest digits of a safe integer >= 0 (one zero digit for 0). Returns the position behind them. */
export function writeDigits(buffer: Uint8Array, position: number, value: number): number {
  while (value > 0x7fffffff) {
    buffer[position++] = value % 128;
    value = Math.floor(value / 128);
  }
  while (value > 0x7f) {
    buffer[position++] = value & 0x7f;
    value >>>= 7;
  }
  buffer[position++] = value;
  return position;
}

/** As {@link writeDigits}, for any bigint >= 0. */
export function writeBigDigits(buffer: Uint8Array, position: number, value: bigint): number {
  while (value > CHUNK_MASK) {
    let chunk = Number(value & CHUNK_MASK);
    for (let digit = 0; digit < CHUNK_DIGITS; digit++) {
      buffer[position++] = chunk % 128;
      chunk = Math.floor(chunk / 128);
    }
    value >>= CHUNK_BITS;
  }
  return writeDigits(buffer, position, Number(value));
}

/** How many digits {@link writeDigits} writes. */
export function countDigits(value: number): number {
  let digits = 1;
  while (value > 0x7f) {
    value = Math.floor(value / 128);
    digits++;
  }
  return digits;
}

/** Reads the digits from `start` to `end`; a number when safe, else a bigint. Zero digits at the high end are allowed. */
export function readDigits(buffer: Uint8Array, start: number, end: number): number | bigint {
  while (end > start && buffer[end - 1] === 0) end--;
  if (end - start <= CHUNK_DIGITS) return readChunk(buffer, start, end);
  let value = 0n;
  let shift = 0n;
  for (let position = start; position < end; position += CHUNK_DIGITS) {
    value |= BigInt(readChunk(buffer, position, Math.min(position + CHUNK_DIGITS, end))) << shift;
    shift += CHUNK_BITS;
  }
  return value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}

function readChunk(buffer: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let position = end - 1; position >= start; position--) value = value * 128 + (buffer[position] ?? 0);
  return value;
}
