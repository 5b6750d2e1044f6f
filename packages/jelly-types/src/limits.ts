// How deep values may be nested: numbers, so that it never is the stack that decides.

/**
 * Values inside values that we send. A stock Twisted peer runs into Python's recursion limit at 332 lists, 249 frozensets or 166 shared
 * frozensets, and an answer it cannot read costs it the connection; its reactor needs some of that, too.
 */
export const WRITING_DEPTH = 150;

/** Values inside values that we take. Twisted sends up to 332 lists or 497 dicts; that many of ours fit in any JavaScript stack. */
export const READING_DEPTH = 500;
