// How much a stream may ask of us, checked before memory is taken.

import { BananaError } from "./errors.js";
import { MAX_INT } from "./format/tokens.js";

/** Limits of one stream, for reading and for writing. All counts are inclusive: the limit itself is still accepted. */
export interface BananaLimits {
  /** Digits before a type byte. Default 64: what Twisted accepts (wire specification 2.5). */
  readonly prefixBytes: number;
  /** Digits of an integer, 7 bits each. Default 64, which is 448 bits: what Twisted accepts. */
  readonly integerDigits: number;
  /** Bytes of one string. Default 655,360: what Twisted accepts, and so the most we emit. */
  readonly stringBytes: number;
  /** Elements of one list. Default 655,360: what Twisted accepts, and so the most we emit. */
  readonly listLength: number;
  /**
   * Lists inside lists. Default 1,024: CPython's recursion limit of 1,000 keeps a stock Twisted peer from sending more, and
   * recursive readers of that depth fit in any JavaScript stack. (`decode` and `encode` do not recurse.)
   */
  readonly depth: number;
  /**
   * Bytes of one top-level expression. Default 1 GiB: Twisted has no such limit, and nothing it can send in practice is larger.
   * Give a smaller one where strangers connect; the broker does.
   */
  readonly expressionBytes: number;
}

/** What holds where nothing else is said: each with its reason at {@link BananaLimits}. */
export const defaultLimits: BananaLimits = Object.freeze({
  prefixBytes: 64,
  integerDigits: 64,
  stringBytes: 640 * 1024,
  listLength: 640 * 1024,
  depth: 1024,
  expressionBytes: 1024 * 1024 * 1024,
});

/** The defaults, with some replaced. Throws `TypeError` for a limit that is not an integer from 1 to 2^31-1. */
export function withLimits(limits?: Partial<BananaLimits>): BananaLimits {
  if (limits === undefined) return defaultLimits;
  for (const [name, value] of Object.entries(limits)) {
    if (!Object.hasOwn(defaultLimits, name) || !Number.isInteger(value) || value < 1 || value > MAX_INT)
      throw new TypeError(`Not a limit from 1 to ${MAX_INT}: ${name} ${value}`);
  }
  return { ...defaultLimits, ...limits };
}

/** What is counted, and the end of the code of having too many. */
const counted = {
  PREFIX_TOO_LONG: "A head of # digits",
  INTEGER_TOO_LARGE: "An integer of # bits",
  STRING_TOO_LONG: "A string of # bytes",
  LIST_TOO_LONG: "A list of # elements",
  TOO_DEEP: "A list # deep",
  EXPRESSION_TOO_LARGE: "An expression of # bytes",
} as const;

/** Throws when there are more than the limit. */
export function checkLimit(code: keyof typeof counted, count: number, limit: number, offset?: number): void {
  if (count > limit)
    throw new BananaError(
      `BANANA_${code}`,
      `${counted[code].replace("#", String(count))} is over the limit of ${limit}`,
      { offset },
    );
}
