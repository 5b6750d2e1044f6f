/** Numbers and tables, as the terminal and TABLE.md show them. */

import { markdownTable } from "markdown-table";
import type { Estimate, Result } from "./paired.js";

/** A Markdown table. All columns but the first are aligned to the right. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  return markdownTable([heads, ...rows], { align: heads.map((_, column) => (column === 0 ? null : "r")) });
}

/** The ratio of a contender, and its target, if it has one. */
export function ratioCells({ ratio }: Result, target: number | undefined, isFirst: boolean): string[] {
  const verdict = target === undefined ? "" : `${target}: ${ratio.median >= target ? "reached" : "NOT REACHED"}`;
  return [isFirst ? "" : interval(ratio, formatRatio), verdict];
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
