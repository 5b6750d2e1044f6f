/**
 * Keeps built files in Latin-1. An engine stores the whole text of a module with two bytes for each character when one
 * of them is outside, as the `…` of a comment is.
 */

/** Lines of comments, as esbuild writes them: it keeps those inside of classes. */
const COMMENT = /^[ \t]*(?:\*|\/\*|\/\/).*$/gm;

/** Replaces each `…` in a line of comments by three dots. esbuild has escaped those in strings. */
export function toOneByte(code: string): string {
  return code.replace(COMMENT, (line) => line.replaceAll("…", "..."));
}

/** Throws for a character that takes two bytes. */
export function requireOneByte(code: string): string {
  const found = /[^\0-\xff]/u.exec(code)?.[0];
  if (found !== undefined)
    throw new Error(`The output has the character ${found}: write an escape, or ASCII in a comment`);
  return code;
}
