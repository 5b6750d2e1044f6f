// What was found, as text for the terminal and as the page with its plot.

import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { formatBytes, formatSeconds } from "../measure.js";
import { areApart } from "./cores.js";
import { plot } from "./plot.js";
import type { Rate } from "./rounds.js";
import type { ConnectionCost, Growth } from "./scale.js";
import type { WorkAbout } from "./works.js";

export interface Findings {
  readonly versions: readonly string[];
  readonly rates: { readonly about: WorkAbout; readonly rates: readonly Rate[] }[];
  connections?: readonly ConnectionCost[];
  growth?: readonly Growth[];
}

const folder = new URL("../", import.meta.url);

/** A table, in Markdown, which also reads well in a terminal. */
function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join(" | ")} |`;
  const rule = widths.map((width, column) => (column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`));
  return [line(heads), `| ${rule.join(" | ")} |`, ...rows.map(line)].join("\n");
}

export function showRates({ title, unit, targets }: WorkAbout, rates: readonly Rate[]): string {
  const rows = rates.map(({ name, rate, ratio, cpu }) => {
    const target = targets?.[name];
    const isReached = target !== undefined && ratio.median >= target;
    return [
      name,
      count(rate.median),
      `${count(rate.low)} to ${count(rate.high)}`,
      name === "@pb" ? "" : `${times(ratio.median)} (${times(ratio.low)} to ${times(ratio.high)})`,
      target === undefined ? "" : `${target}: ${isReached ? "reached" : "NOT REACHED"}`,
      formatSeconds(cpu),
    ];
  });
  const heads = ["", `${unit} a second`, "middle 80 %", "@pb is faster, times", "wanted", "processor time for one"];
  return `\n### ${sentence(title)}\n\n${table(heads, rows)}`;
}

export function showConnections(costs: readonly ConnectionCost[]): string {
  const rows = costs.map(({ name, seconds, server, client }) => [
    name,
    formatSeconds(seconds),
    formatBytes(server),
    formatBytes(client),
  ]);
  const heads = ["", "time to open", "memory at the server", "memory at the client"];
  const about =
    "Memory is heap and buffers after a garbage collection where Node runs, and with Twisted what the system sees of the\n" +
    "process: compare Node's with each other only.";
  return `\n### One connection of 1,000\n\n${about}\n\n${table(heads, rows)}`;
}

export function showGrowth(growth: readonly Growth[]): string {
  const rows = growth.map(({ what, rate, cost, comparedWith }) => [what, count(rate), times(cost), comparedWith]);
  const heads = ["", "calls a second, 100 in flight", "processor time of a call, times", "that of"];
  return `\n### Calls of @pb where there is much\n\n${table(heads, rows)}`;
}

/** Writes TABLE.md and plot.svg. */
export function writePage(findings: Findings): void {
  writeFileSync(new URL("plot.svg", folder), plot(findings));
  const { rates, connections, growth } = findings;
  const page = [
    "# Benches",
    "",
    "`npm run bench` measures all of this and writes this page; `npm run bench -- NAME` measures one work, or the codec",
    `(\`codec\`, \`jelly\`). Server and client are two processes that talk over loopback TCP, both on the machine named below${areApart ? ", each" : "."}`,
    `${areApart ? "on a core of its own. " : ""}All contenders take turns in every round; the ratios compare rounds, and the spread is the middle 80 % of`,
    "them. Look at ratios: times differ between machines, and between hours.",
    "",
    `Last run: ${new Date().toISOString().slice(0, 10)}, ${cpus().length} cores (${cpus()[0]?.model ?? "unknown"}), ${[...new Set(findings.versions)].join(", ")}`,
    "",
    "![How often faster @pb is](./plot.svg)",
    "",
    "What a contender has no notion of is made by hand, as its user would: references are numbers in a table for raw JSON,",
    "grpc-js and socket.io; observers are a subscription; a login is a password sent in the open. @pb and Twisted answer a",
    "challenge, send a megabyte in pages, and count references; Cap'n Web sends the call on a reference without waiting for",
    "it; one-way calls of grpc-js are a stream.",
    ...rates.map(({ about, rates: own }) => showRates(about, own)),
    connections === undefined ? "" : showConnections(connections),
    growth === undefined ? "" : showGrowth(growth),
    "",
  ];
  writeFileSync(new URL("TABLE.md", folder), page.join("\n"));
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function count(value: number): string {
  const digits = value >= 100 ? 3 : 2;
  return Number(value.toPrecision(digits)).toLocaleString("en");
}

function times(value: number): string {
  return value >= 10 ? value.toFixed(0) : value.toFixed(2);
}
