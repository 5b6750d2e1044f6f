// The packed form of a patch (docs/extension.md, "Live state"): bytes instead of jelly, in which a place that earlier
// patches have named is a number. About a quarter of the size for small values.

/** What a viewer that reads packed patches answers to a patch: the version of the form. */
export const PACKED_VERSION = 1;

/** The name under which a viewer tells, before it asks for a view, that it reads packed states and patches. */
export const PACKED_FORM = "live-packed-1";

/** A longer patch or state is sent as jelly. It also limits what a patch can take in memory. */
export const MOST_PACKED_BYTES = 65_536;

/** Places that have a number at a time. A group of a server begins again when it has named more. */
export const MOST_PLACES = 4096;

/** UTF-16 units of the pointers of all these places together. */
export const MOST_PLACE_UNITS = 262_144;

/** What is done at a place: the lowest three bits of the head of a step. */
export const StepKind = { remove: 0, splice: 1, value: 2, byte: 3, short: 4, text: 5 } as const;

/** The first byte of a value. */
export const Tag = {
  none: 0,
  false: 1,
  true: 2,
  positive: 3,
  negative: 4,
  float: 5,
  text: 6,
  list: 7,
  dict: 8,
} as const;
