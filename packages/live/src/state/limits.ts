// What a state may consist of, at both ends.

/** Values inside values. Fewer than the 150 that a message may have, which also contains the patch around them. */
export const MOST_DEPTH = 100;

/**
 * Values in one state, those of an object that it contains twice counted twice. More would not fit in a message of 16
 * MiB, the default limit, and this is what the walk over an object costs that is contained in itself many times.
 */
export const MOST_VALUES = 4_000_000;

/** Entries of one list or dict. A stock Twisted peer refuses lists of more than 655,360 elements, the type included. */
export const MOST_ENTRIES = 655_359;

/** UTF-8 bytes of one text: the most that a stock Twisted peer reads. */
export const MOST_TEXT_BYTES = 655_360;

/**
 * Splices of one list in one patch: a list that loses items at one end and gains some at the other needs two. Each
 * moves all items of the list.
 */
export const MOST_SPLICES = 2;

/** The key that no object of a state has: `Object.assign({}, state)` of a program would set its prototype. */
export const FORBIDDEN_KEY = "__proto__";
