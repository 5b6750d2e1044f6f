/** Numbers and tables, as the terminal and TABLE.md show them. */

import { markdownTable } from "markdown-table";
import type { Estimate, Result } from "./paired.js";

/** A Markdown table. All columns but the first are aligned to the right. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  return markdownTable([heads, ...rows], { align: heads.map((_, column) => (column === 0 ? null : "r")) });
}

/** The ratio of a contender, and its goal, if it has one. */
export function ratioCells({ ratio }: Result, goal: number | undefined, isFirst: boolean): string[] {
  return [isFirst ? "" : interval(ratio, formatRatio), goal === undefined ? "" : verdict(goal, ratio.low >= goal)];
}

const BELOW = "below its goal";

/** A goal is reached when the whole interval of the ratio clears it. */
export function verdict(goal: number, isReached: boolean): string {
  return `${formatRatio(goal)}: ${isReached ? "reached" : BELOW}`;
}

/** What is known about a section of which a row is below its goal. Empty for other sections. */
export function explained(rows: readonly (readonly string[])[], below: string | undefined): string {
  const isBelow = rows.flat().some((cell) => cell.endsWith(BELOW));
  return isBelow && below !== undefined ? `\n\n**Below its goal.** ${below}` : "";
}

export function interval({ low, median, high }: Estimate, format: (value: number) => string): string {
  return `${format(median)} (${format(low)} to ${format(high)})`;
}

export const formatRatio = (value: number): string => value.toFixed(value >= 10 ? 0 : 2);

/** Three significant digits. */
export const formatCount = (value: number): string =>
  Number(value.toPrecision(value >= 100 ? 3 : 2)).toLocaleString("en");

export const formatSeconds = (seconds: number): string =>
  seconds >= 1e-3 ? `${(seconds * 1e3).toFixed(2)} ms` : `${(seconds * 1e6).toFixed(seconds < 1e-5 ? 2 : 1)} µs`;

export const formatBytes = (bytes: number): string =>
  bytes >= 10_000 ? `${(bytes / 1000).toFixed(0)} kB` : `${bytes.toFixed(0)} bytes`;
