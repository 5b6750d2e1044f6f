// Text with lone surrogates, which has no UTF-8 form.

const SURROGATE = /\p{Surrogate}/u;

/** Whether text has no lone surrogates. The method of strings is newer than the others that this package uses. */
export function isWellFormed(text: string): boolean {
  return typeof text.isWellFormed === "function" ? text.isWellFormed() : !SURROGATE.test(text);
}
