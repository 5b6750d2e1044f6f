// Reads and writes numbers as base-128 digits, least significant first.

/** The bits of seven digits: as many whole digits as a JavaScript number can hold exactly. */
const CHUNK_DIGITS = 7;
const CHUNK_BITS = 49n;
const CHUNK_MASK = (1n << CHUNK_BITS) - 1n;

/**
 * Writes the digits of a safe integer >= 0 without leading zeros, and one digit for 0. Returns the position after them.
 */
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
    // The extra bit makes `writeDigits` write all seven digits. The next digits overwrite it.
    position = writeDigits(buffer, position, Number(value & CHUNK_MASK) + 2 ** 49) - 1;
  }
  return writeDigits(buffer, position, Number(value));
}

/** The number of digits that {@link writeDigits} writes. */
export function countDigits(value: number): number {
  let digits = 1;
  while (value > 0x7f) {
    value = Math.floor(value / 128);
    digits++;
  }
  return digits;
}

/** Reads the digits from `start` to `end`, as a number when it is safe, else as a bigint. Leading zeros are allowed. */
export function readDigits(buffer: Uint8Array, start: number, end: number): number | bigint {
  let number = 0;
  while (end > start && number < 2 ** 46) number = number * 128 + buffer[--end]!;
  if (end === start) return number;
  let big = BigInt(number);
  while (end > start) {
    // Several digits at a time, because each operation creates a bigint, which is garbage a moment later.
    const first = Math.max(start, end - CHUNK_DIGITS);
    const bits = 7 * (end - first);
    let chunk = 0;
    while (end > first) chunk = chunk * 128 + buffer[--end]!;
    big = (big << BigInt(bits)) | BigInt(chunk);
  }
  return big;
}
