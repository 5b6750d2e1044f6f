// The memory that values of a peer take, so that it can be limited.

import { defaultLimits } from "../limits.js";
import { BananaError } from "../errors.js";

// Bytes of V8's heap that a value takes, measured on Node 20, 22 and 24 (test `heap` of `@pb/jelly-types`).

/** An array, without its elements. */
export const LIST_HEAP = 48;
/** An element of an array. */
export const SLOT_HEAP = 8;
/** A number that is not a 32-bit integer, or a bigint without its digits. */
export const NUMBER_HEAP = 16;
/** A `Float`. */
export const FLOAT_HEAP = 56;
/** A `Uint8Array`, without its bytes. */
export const BYTES_HEAP = 204;

/** The memory that a reader may still use for values, in bytes of V8's heap. */
export interface HeapAllowance {
  /** Negative when more was needed: the reader has thrown. */
  left: number;
}

/** The allowance for a reader without a connection. */
export function defaultAllowance(): HeapAllowance {
  return { left: defaultLimits.heapBytes };
}

/** Takes `bytes` from an allowance. Throws `BANANA_HEAP_TOO_LARGE` when it has not so many left. */
export function charge(allowance: HeapAllowance, bytes: number): void {
  if ((allowance.left -= bytes) < 0)
    throw new BananaError("BANANA_HEAP_TOO_LARGE", "The values take more memory than the limit allows");
}
