// Numbers as digits of seven bits, least significant first: both directions.

/** As many digits as a JavaScript number is sure to hold, in bits. */
const CHUNK_BITS = 49n;
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
  for (; value > CHUNK_MASK; value >>= CHUNK_BITS) {
    // The bit above makes it all seven digits, and is written over.
    position = writeDigits(buffer, position, Number(value & CHUNK_MASK) + 2 ** 49) - 1;
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
  let number = 0;
  while (end > start && number < 2 ** 46) number = number * 128 + buffer[--end]!;
  if (end === start) return number;
  let big = BigInt(number);
  while (end > start) big = (big << 7n) | BigInt(buffer[--end]!);
  return big;
}
