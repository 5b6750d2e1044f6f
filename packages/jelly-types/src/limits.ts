// The default nesting limits. They are small enough that the call stack never overflows first.

/**
 * How many values inside values may be sent. A stock Twisted peer reaches Python's recursion limit at 332 lists, 249
 * frozensets or 166 shared frozensets, of which its reactor needs a part; it drops the connection when it cannot read
 * an answer.
 */
export const WRITING_DEPTH = 150;

/**
 * How many values inside values may be received. Twisted sends up to 332 lists or 497 dicts; this depth fits in any
 * JavaScript stack.
 */
export const READING_DEPTH = 500;
