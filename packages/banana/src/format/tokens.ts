// The type bytes (wire specification 2.1), and how to find one among four bytes at once.

/** An enum, because its members end up as plain numbers in the loops that matter; constants would be looked up (bench `codec`). */
export const enum Token {
  LIST = 0x80,
  INT = 0x81,
  STRING = 0x82,
  NEG = 0x83,
  FLOAT = 0x84,
  LONGINT = 0x85,
  LONGNEG = 0x86,
  VOCAB = 0x87,
}

/** The largest magnitudes of INT and NEG; LONGINT and LONGNEG begin one above. */
export const MAX_INT = 0x7fffffff;
export const MAX_NEG = 0x80000000;

// Most elements have fewer than four digits: one little-endian load holds all of their head, and no loop is needed to read it.

/**
 * How many digits stand before the first type byte of these four bytes; 4 when there is no type byte among them. Branches, because
 * processors guess them well: arithmetic would make each element wait for the one before it (bench `codec`).
 */
export function countDigits4(four: number): number {
  if ((four & 0x8080) === 0x8000) return 1;
  if ((four & 0x80) !== 0) return 0;
  if ((four & 0x800000) !== 0) return 2;
  return four < 0 ? 3 : 4;
}

/** The type byte behind that many digits, which need not be one of ours; 0 behind four. */
export function typeAfter(four: number, digits: number): number {
  return digits === 4 ? 0 : (four >>> (8 * digits)) & 0xff;
}

/** The number that the first `digits` of these four bytes stand for. At most three. */
export function readDigits4(four: number, digits: number): number {
  const number = (four & 0x7f) | ((four >>> 1) & 0x3f80) | ((four >>> 2) & 0x1fc000);
  return number & ((1 << (7 * digits)) - 1);
}
