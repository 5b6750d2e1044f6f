// Limits for reading and writing. A limit is checked before memory is allocated.

import { BananaError } from "./errors.js";
import { MAX_INT } from "./format/tokens.js";

/** Limits of one stream, for reading and for writing. A value equal to its limit is accepted. */
export interface BananaLimits {
  /**
   * The largest number of digits before a type byte. Default 64, which is what Twisted accepts (wire specification
   * 2.5).
   */
  readonly prefixBytes: number;
  /**
   * The largest number of digits of an integer, 7 bits each. Default 64, which is 448 bits and what Twisted accepts.
   */
  readonly integerDigits: number;
  /** The largest number of bytes of one string. Default 655,360, which is what Twisted accepts. */
  readonly stringBytes: number;
  /** The largest number of elements of one list. Default 655,360, which is what Twisted accepts. */
  readonly listLength: number;
  /**
   * The largest number of lists inside lists. Default 1,024: because of CPython's recursion limit of 1,000, a stock
   * Twisted peer cannot send more, and a recursive reader of that depth does not overflow any JavaScript stack.
   * (`decode` and `encode` do not recurse.)
   */
  readonly depth: number;
  /**
   * The largest number of bytes of one top-level expression. Default 1 GiB: Twisted has no such limit, and cannot send
   * larger expressions in practice. Set a smaller limit when untrusted peers can connect, as the broker does.
   */
  readonly expressionBytes: number;
  /**
   * The largest estimated memory of one expression as a tree, in bytes of V8's heap. Default 256 MiB: an element of two
   * bytes takes up to 200 bytes there, and a process usually has at least 512 MiB.
   */
  readonly heapBytes: number;
}

/** The default limits. {@link BananaLimits} gives the reason for each. */
export const defaultLimits: BananaLimits = Object.freeze({
  prefixBytes: 64,
  integerDigits: 64,
  stringBytes: 640 * 1024,
  listLength: 640 * 1024,
  depth: 1024,
  expressionBytes: 1024 * 1024 * 1024,
  heapBytes: 256 * 1024 * 1024,
});

/**
 * Throws `TypeError` for what is no object, described by `what`, and for a name that is none of `known`, unless its
 * value is undefined.
 */
export function checkNames(what: string, given: object, known: readonly string[]): void {
  if (typeof given !== "object" || (given as unknown) === null || Array.isArray(given))
    throw new TypeError(`${what} must be an object`);
  for (const name of Object.keys(given))
    if (!known.includes(name) && (given as Record<string, unknown>)[name] !== undefined)
      throw new TypeError(`There is no option "${name}": expected one of ${known.join(", ")}`);
}

/**
 * The default limits, with those of `limits` replaced; undefined leaves a default. Throws `TypeError` for an unknown
 * limit, and for a value that is not an integer from 1 to 2^31-1.
 */
export function withLimits(limits?: { readonly [Name in keyof BananaLimits]?: number | undefined }): BananaLimits {
  if (limits === undefined) return defaultLimits;
  if (!Object.isFrozen(limits)) return complete(limits);
  let completed = ofFrozen.get(limits);
  if (completed === undefined) ofFrozen.set(limits, (completed = complete(limits)));
  return completed;
}

/** The results for frozen limits, which thousands of connections may have in common. */
const ofFrozen = new WeakMap<object, BananaLimits>();

function complete(limits: { readonly [Name in keyof BananaLimits]?: number | undefined }): BananaLimits {
  const names = Object.keys(defaultLimits) as (keyof BananaLimits)[];
  checkNames("The option limits", limits, names);
  const result: Record<keyof BananaLimits, number> = { ...defaultLimits };
  for (const name of names) {
    const value = limits[name];
    if (value === undefined) continue;
    if (!Number.isInteger(value) || value < 1 || value > MAX_INT)
      throw new TypeError(`Not a limit from 1 to ${MAX_INT}: ${name} ${String(value)}`);
    result[name] = value;
  }
  return result;
}

/** For each error code without its prefix: the subject of the error message. `#` is replaced by the count. */
const counted = {
  PREFIX_TOO_LONG: "A prefix of # digits",
  INTEGER_TOO_LARGE: "An integer of # bits",
  STRING_TOO_LONG: "A string of # bytes",
  LIST_TOO_LONG: "A list of # elements",
  TOO_DEEP: "A list nested # deep",
  EXPRESSION_TOO_LARGE: "An expression of # bytes",
  HEAP_TOO_LARGE: "A tree of # bytes of memory",
} as const;

/** Throws {@link BananaError} when `count` is over the limit. */
export function checkLimit(code: keyof typeof counted, count: number, limit: number, offset?: number): void {
  if (count > limit) throw limitError(code, count, limit, offset);
}

/** The error for a `count` over the limit. */
export function limitError(code: keyof typeof counted, count: number, limit: number, offset?: number): BananaError {
  const message = `${counted[code].replace("#", String(count))} is over the limit of ${limit}`;
  return new BananaError(`BANANA_${code}`, message, { offset });
}
