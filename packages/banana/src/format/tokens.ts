// The type bytes (wire specification 2.1), and how to find one in four bytes at once.

/**
 * A const enum, because the compiler inlines its members; module constants would be loaded in hot loops (bench
 * `codec`).
 */
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

/** The largest magnitudes of INT and NEG. Larger ones are LONGINT and LONGNEG. */
export const MAX_INT = 0x7fffffff;
export const MAX_NEG = 0x80000000;

// Most elements have fewer than four digits: one little-endian load contains the digits and the type byte, and no loop
// is needed to read them.

/**
 * The number of digits before the first type byte of these four bytes; 4 when none of them is a type byte. Branches are
 * faster here than arithmetic: processors predict them, while arithmetic makes each element depend on the previous one
 * (bench `codec`).
 */
export function countDigits4(four: number): number {
  if ((four & 0x8080) === 0x8000) return 1;
  if ((four & 0x80) !== 0) return 0;
  if ((four & 0x800000) !== 0) return 2;
  return four < 0 ? 3 : 4;
}

/** The type byte after that many digits, which may be an unknown one; 0 after four digits. */
export function typeAfter(four: number, digits: number): number {
  return digits === 4 ? 0 : (four >>> (8 * digits)) & 0xff;
}

/** The number that the first `digits` of these four bytes encode. `digits` is at most 3. */
export function readDigits4(four: number, digits: number): number {
  const number = (four & 0x7f) | ((four >>> 1) & 0x3f80) | ((four >>> 2) & 0x1fc000);
  return number & ((1 << (7 * digits)) - 1);
}
