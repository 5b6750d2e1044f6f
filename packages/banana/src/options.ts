// The options of every function and class that reads or writes.

import { dialectOf, none } from "./format/vocabulary.js";
import type { Dialect } from "./format/vocabulary.js";
import { checkNames, withLimits } from "./limits.js";
import type { BananaLimits } from "./limits.js";

/** Options of every function of this package that reads or writes. */
export interface CodecOptions {
  /** Default `none`. */
  readonly dialect?: Dialect | "pb" | "none" | undefined;
  readonly limits?: Partial<BananaLimits> | undefined;
}

/**
 * The options with all defaults filled in. Throws `TypeError` for an unknown option, dialect or limit, and for a limit
 * that is not in its range.
 */
export function completeOptions(
  options: CodecOptions,
  otherwise: Dialect = none,
): { readonly dialect: Dialect; readonly limits: BananaLimits } {
  checkNames("The options", options, ["dialect", "limits"]);
  const { dialect = otherwise, limits } = options;
  return { dialect: dialectOf(dialect), limits: withLimits(limits) };
}
