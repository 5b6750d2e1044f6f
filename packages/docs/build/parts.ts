// Divides long files into pages that take about five minutes to read.

import { slugify } from "./slugify.js";

export interface Part {
  /** The first heading. */
  readonly title: string;
  readonly text: string;
}

/** More words than this are divided. */
const MAX_WORDS = 1500;

/**
 * Divides a long text at its headings of the second level, and what is still long at those of the third. The first part
 * has what is before them.
 */
export function parts(text: string): readonly Part[] {
  const long = (part: string): boolean => part.split(/\s+/).length > MAX_WORDS;
  if (!long(text)) return [toPart(text)];
  return sections(text, 2)
    .flatMap((section) => (long(section) ? sections(section, 3) : [section]))
    .map(toPart);
}

/** The anchors of the headings in a text. */
export function anchors(text: string): string[] {
  return headings(text).map(({ title }) => slugify(title));
}

/** Divides before each heading of a level. A heading without a text of its own stays with what follows. */
function sections(text: string, level: number): string[] {
  const starts = headings(text)
    .filter(({ depth, index }) => depth === level && index > 0)
    .map(({ index }) => index);
  const cut = [0, ...starts].map((start, index) => text.slice(start, starts[index]));
  const [first = "", ...rest] = cut;
  return /^#+ .*\s*$/.test(first) && rest.length > 0 ? [first + rest[0]!, ...rest.slice(1)] : cut;
}

/** A page begins with a heading of the first level. */
function toPart(text: string): Part {
  const [first] = headings(text);
  if (first === undefined) return { title: "@pb", text }; // the home page
  return {
    title: first.title.replaceAll(/[`\\]/g, ""),
    text: text.slice(0, first.index) + text.slice(first.index).replace(/^#+/, "#"),
  };
}

/** The headings of a text that are not in a code block. */
function headings(text: string): { title: string; depth: number; index: number }[] {
  const found = text.matchAll(/^(```|~~~)[^]*?^\1\s*$|^(#+) (.*)$/gm);
  return Array.from(found, ({ 2: marks, 3: title = "", index }) => ({
    title,
    depth: marks?.length ?? 0,
    index,
  })).filter(({ depth }) => depth > 0);
}
