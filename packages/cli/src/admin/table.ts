// Tables of text: columns as wide as their cells, cut off at the width of the terminal.

import { printable } from "@pb/jelly-types";

/** The title of a column and its cell of a row. Numbers are aligned at the right. */
export type Column<Row> = readonly [title: string, cell: (row: Row) => string | number];

/** The longest cell. */
const LONGEST = 40;

/** The title and a line for each row. */
export function tableLines<Row>(columns: readonly Column<Row>[], rows: readonly Row[], width: number): string[] {
  const cells = rows.map((row) => columns.map(([, cell]) => cell(row)));
  const texts = cells.map((line) => line.map((cell) => printable(String(cell), LONGEST)));
  // Without a spread: there may be more rows than a function may have arguments.
  const widths = columns.map(([title], index) =>
    texts.reduce((width, line) => Math.max(width, line[index]!.length), title.length),
  );
  const isNumber = columns.map((_column, index) => cells.every((line) => typeof line[index] === "number"));
  const lineOf = (line: readonly string[]): string =>
    line
      .map((text, index) => (isNumber[index]! ? text.padStart(widths[index]!) : text.padEnd(widths[index]!)))
      .join("  ")
      .trimEnd()
      .slice(0, width);
  return [lineOf(columns.map(([title]) => title)), ...texts.map(lineOf)];
}

/** A time in its two largest units: `3d 4h`, `12m 5s`, `8s`. */
export function duration(ms: number): string {
  let left = Math.floor(ms / 1000);
  const parts: string[] = [];
  for (const [unit, seconds] of [
    ["d", 86_400],
    ["h", 3_600],
    ["m", 60],
    ["s", 1],
  ] as const) {
    const count = Math.floor(left / seconds);
    left %= seconds;
    if (count > 0 || parts.length > 0 || unit === "s") parts.push(`${count}${unit}`);
  }
  return parts.slice(0, 2).join(" ");
}

/** Bytes with three digits: `512`, `4.2k`, `13M`. */
export function size(bytes: number): string {
  let value = bytes;
  for (const unit of ["", "k", "M", "G"]) {
    if (value < 1000) return value < 10 && unit !== "" ? `${value.toFixed(1)}${unit}` : `${Math.round(value)}${unit}`;
    value /= 1000;
  }
  return `${value.toFixed(1)}T`;
}
