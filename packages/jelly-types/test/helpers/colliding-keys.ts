// Numbers that have the same hash in V8, found by inverting its two hash functions for numbers.

const MASK_64 = (1n << 64n) - 1n;
const MASK_32 = (1n << 32n) - 1n;

/** Different integers of 32 bits whose hashes are equal in the lowest 17 bits: at most 32,768. */
export function collidingIntegers(count: number, target = 5): number[] {
  const inverse = (hash: bigint): bigint => {
    hash = unshift(hash, 16n, MASK_32);
    hash = unshift((hash * reciprocal(2057n, MASK_32)) & MASK_32, 4n, MASK_32);
    hash = unshift((hash * reciprocal(5n, MASK_32)) & MASK_32, 12n, MASK_32);
    return ((hash + 1n) * reciprocal((1n << 15n) - 1n, MASK_32)) & MASK_32;
  };
  return Array.from({ length: count }, (_, index) =>
    Number(BigInt.asIntN(32, inverse((BigInt(index) << 17n) | BigInt(target)))),
  );
}

/** Integers of 64 bits whose hashes are equal in all 30 bits. */
export function collidingBigints(count: number, target = 5): bigint[] {
  const inverse = (hash: bigint): bigint => {
    hash = (unshift(hash, 22n, MASK_64) * reciprocal(65n, MASK_64)) & MASK_64;
    hash = (unshift(hash, 11n, MASK_64) * reciprocal(21n, MASK_64)) & MASK_64;
    hash = unshift(hash, 31n, MASK_64);
    return ((hash + 1n) * reciprocal((1n << 18n) - 1n, MASK_64)) & MASK_64;
  };
  return Array.from({ length: count }, (_, index) => inverse((BigInt(index + 1) << 30n) | BigInt(target)));
}

/** Doubles whose hashes are equal in all 30 bits: those that have the bits of {@link collidingBigints}. */
export function collidingDoubles(count: number): number[] {
  const view = new DataView(new ArrayBuffer(8));
  return collidingBigints(2 * count)
    .map((bits) => {
      view.setBigUint64(0, bits);
      return view.getFloat64(0);
    })
    .filter((double) => Number.isFinite(double))
    .slice(0, count);
}

/** Texts of array indices that had the same hash in V8 until 2026. */
export function collidingIndices(count: number): string[] {
  return Array.from({ length: count }, (_, index) => String(2 ** 30 + 2 ** 16 * index));
}

/** Inverts `hash ^ (hash >> bits)`. */
function unshift(hash: bigint, bits: bigint, mask: bigint): bigint {
  let result = hash;
  for (let done = bits; done < 64n; done += bits) result = hash ^ (result >> bits);
  return result & mask;
}

/** The number by which a product with `factor` has to be multiplied to invert it, modulo `mask + 1`. */
function reciprocal(factor: bigint, mask: bigint): bigint {
  let result = factor;
  for (let round = 0; round < 6; round++) result = (result * (2n - factor * result)) & mask;
  return result;
}
