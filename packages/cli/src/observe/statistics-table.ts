// Shows statistics as a table and as JSON.

import { quoted } from "../values/show-value.js";
import type { MethodStatistics, Statistics } from "./statistics.js";

/** The widths of the columns of numbers. */
const WIDTH = 8;

/** The least width of the column with the name. */
const NAME_WIDTH = 12;

/** Columns, the most important first: those that do not fit into the width are left out. */
const columns: readonly (readonly [string, (row: MethodStatistics) => string])[] = [
  ["calls", ({ calls }) => String(calls)],
  ["p50 ms", (row) => milliseconds(row.latency(0.5))],
  ["p99 ms", (row) => milliseconds(row.latency(0.99))],
  ["errors", ({ errors }) => String(errors)],
  ["bytes", ({ callBytes, answerBytes }) => bytes(callBytes + answerBytes)],
  ["late", ({ late }) => String(late)],
];

/** The table, with lines of at most `width` characters, and at most `rows` methods. */
export function statisticsTable(statistics: Statistics, width: number, rows?: number): string[] {
  const { methods } = statistics;
  const shown = methods.slice(0, rows);
  const fitting = columns.slice(0, Math.max(1, Math.floor((Math.min(width, 100) - NAME_WIDTH) / WIDTH)));
  const nameWidth = Math.max(NAME_WIDTH, Math.min(40, width === Infinity ? 40 : width - fitting.length * WIDTH));
  const line = (name: string, cells: readonly string[]): string =>
    cut(name, nameWidth - 1).padEnd(nameWidth) + cells.map((cell) => cell.padStart(WIDTH)).join("");
  const lines = [
    line(
      "method",
      fitting.map(([title]) => title),
    ),
  ];
  for (const row of shown) {
    const arrow = row.caller === "client" ? "->" : "<-";
    lines.push(
      line(
        `${arrow} ${row.method}`,
        fitting.map(([, cell]) => cell(row)),
      ),
    );
  }
  if (methods.length > shown.length) lines.push(`and ${methods.length - shown.length} more methods`);
  return lines;
}

/** Facts about all connections, each in a line. */
export function statisticsSummary({
  connections,
  ended,
  messages,
  bytes: sent,
  opaqueBytes,
  left,
}: Statistics): string[] {
  const lines = [
    `${counted(connections, "connection")}, ${ended} ended, ${counted(messages, "message")}`,
    `client ${bytes(sent.client)}, server ${bytes(sent.server)}`,
  ];
  if (left.calls + left.references + left.caches > 0)
    lines.push(
      `open at the ends: ${counted(left.calls, "call")}, ${counted(left.references, "object")}, ${counted(left.caches, "cache")}`,
    );
  if (opaqueBytes.client + opaqueBytes.server > 0)
    lines.push(`not decoded: ${opaqueBytes.client + opaqueBytes.server} B`);
  return lines;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

/** One line of JSON. */
export function statisticsJson(statistics: Statistics): string {
  const { connections, ended, messages, bytes: sent, opaqueBytes, left } = statistics;
  const rows = statistics.methods.map((row) => {
    const { caller, method, calls, answers, errors, late, callBytes, answerBytes } = row;
    const counts = JSON.stringify({ calls, answers, errors, late, callBytes, answerBytes });
    const latencies = JSON.stringify({ p50Ms: rounded(row.latency(0.5)), p99Ms: rounded(row.latency(0.99)) });
    return `{"caller": "${caller}", "method": ${quoted(method)}, ${counts.slice(1, -1)}, ${latencies.slice(1)}`;
  });
  const all = JSON.stringify({ connections, ended, messages, bytes: sent, opaqueBytes, open: left });
  return `${all.slice(0, -1)}, "methods": [${rows.join(", ")}]}`;
}

function rounded(ms: number | undefined): number | null {
  return ms === undefined ? null : Number(ms.toPrecision(3));
}

function milliseconds(ms: number | undefined): string {
  if (ms === undefined) return "-";
  return ms < 10 ? ms.toFixed(2) : ms.toFixed(0);
}

function bytes(count: number): string {
  if (count < 10_000) return `${count} B`;
  return count < 10_000_000 ? `${Math.round(count / 1000)} kB` : `${Math.round(count / 1_000_000)} MB`;
}

/** Names are of a peer: `printable` has escaped them. */
function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}
