// `pb top`: the connections of a server, with what each of them costs at the moment.

import type { RemoteReference } from "@pb/broker";
import { printable } from "@pb/jelly-types";
import type { Admin, ConnectionRow, ProcessState } from "@pb/node-transport/admin";
import { setTimeout as sleep } from "node:timers/promises";
import { secondsOf, withTimeout } from "../deadline.js";
import { exitStatus, usageError } from "../errors.js";
import { columnsOf } from "../io.js";
import type { CliIo } from "../io.js";
import { withAdmin } from "./connect-admin.js";
import { duration, size, tableLines } from "./table.js";
import type { Column } from "./table.js";

export interface TopFlags {
  readonly sort: string;
  readonly interval: string;
  readonly times?: string;
  readonly rows?: string;
  readonly timeout: string;
  readonly json?: boolean;
}

/** Connections that are asked for: all of most servers. */
const MOST = 100_000;

/** Rows where no terminal tells how many fit. */
const ROWS = 20;

/** A connection with its rates since the last table, in bytes per second. */
interface Row extends ConnectionRow {
  readonly inRate: number;
  readonly outRate: number;
}

const orders: Readonly<Record<string, (row: Row) => number>> = {
  calls: ({ callsRunning, callsHeld }) => callsRunning + callsHeld,
  queued: ({ bytesQueued }) => bytesQueued,
  refs: ({ referencesGiven }) => referencesGiven,
  in: ({ inRate }) => inRate,
  out: ({ outRate }) => outRate,
  age: ({ openMs }) => openMs,
  rtt: ({ latencyUs }) => latencyUs ?? -1,
};

const columns: readonly Column<Row>[] = [
  ["USER", ({ users }) => (users.length > 0 ? users.join(",") : "-")],
  ["PEER", ({ peer }) => peer.replace(/ via .*/, "")],
  ["AGE", ({ openMs }) => duration(openMs)],
  ["CALLS", orders.calls!],
  ["QUEUED", ({ bytesQueued }) => size(bytesQueued)],
  ["REFS", orders.refs!],
  ["IN/s", ({ inRate }) => size(inRate)],
  ["OUT/s", ({ outRate }) => size(outRate)],
  ["RTT ms", ({ latencyUs }) => (latencyUs === null ? "-" : (latencyUs / 1000).toFixed(1))],
  ["PAUSED", ({ pausedBy }) => pausedBy ?? "-"],
  ["LAST", ({ lastAnswered }) => lastAnswered ?? "-"],
  ["ID", ({ id }) => id],
];

export async function top(socket: string, flags: TopFlags, io: CliIo): Promise<number> {
  const intervalMs = secondsOf("--interval", flags.interval) * 1000;
  const isLive = io.stdout.isTTY === true && flags.json !== true;
  const times = numberOf("--times", flags.times) ?? (isLive ? Infinity : 1);
  const rows = numberOf("--rows", flags.rows);
  secondsOf("--timeout", flags.timeout);
  await withAdmin(socket, io.signal, async (admin) => {
    const rates = new Rates();
    if (isLive) io.stdout.write(ENTER);
    try {
      for (let count = 0; count < times; count++) {
        if (count > 0) await sleep(intervalMs, undefined, { signal: io.signal });
        const snapshot = await withTimeout(flags.timeout, io.signal, (signal) => take(admin, rates, signal));
        show(snapshot, flags, rows, isLive, io);
      }
    } finally {
      if (isLive) io.stdout.write(LEAVE);
    }
  });
  return exitStatus.success;
}

/** Sequences for the alternate screen of a terminal: `LEAVE` shows the text again that was there before `ENTER`. */
const ENTER = "\x1b[?1049h";
const LEAVE = "\x1b[?1049l";
const HOME = "\x1b[H\x1b[J";

interface Snapshot {
  readonly state: ProcessState;
  readonly total: number;
  readonly connections: readonly Row[];
}

async function take(admin: RemoteReference<Admin>, rates: Rates, signal: AbortSignal): Promise<Snapshot> {
  const abortable = admin.with({ signal });
  const [state, table] = await Promise.all([
    abortable.callRemote("state"),
    abortable.callRemote("connections", MOST, "openMs"),
  ]);
  const { total, connections } = table;
  return { state, total, connections: rates.add(connections) };
}

function show(
  { state, total, connections }: Snapshot,
  flags: TopFlags,
  rows: number | undefined,
  isLive: boolean,
  io: CliIo,
): void {
  const order = orders[flags.sort]!;
  const sorted = [...connections].sort((one, other) => order(other) - order(one));
  if (flags.json === true) {
    const shown = sorted.slice(0, rows ?? MOST);
    io.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), ...state, total, connections: shown })}\n`);
    return;
  }
  const head = headOf(state, connections);
  const fitting = isLive ? Math.max(1, (io.stdout.rows ?? 24) - head.length - 2) : ROWS;
  const shown = sorted.slice(0, rows ?? fitting);
  const width = columnsOf(io.stdout);
  const lines = [...head.map((line) => line.slice(0, width)), ...tableLines(columns, shown, width)];
  if (total > shown.length && !isLive) lines.push(`and ${total - shown.length} more connections`);
  io.stdout.write(`${isLive ? HOME : ""}${lines.join("\n")}\n`);
}

function headOf(state: ProcessState, connections: readonly Row[]): string[] {
  const { pid, node, uptimeMs, rss, heapUsed, sessions, level } = state;
  const sum = (of: (row: Row) => number): number => connections.reduce((total, row) => total + of(row), 0);
  const paused = connections.filter(({ pausedBy }) => pausedBy !== null).length;
  return [
    `pid ${pid}, up ${duration(uptimeMs)}, node ${printable(node)}, memory ${size(rss)}, heap ${size(heapUsed)}` +
      (level === null ? "" : `, log level ${printable(level)}`),
    ...state.servers.map(
      (server) => `${printable(server.address)} ${printable(server.state)}, ${server.connections} connections`,
    ),
    `${sessions} sessions, ${sum(orders.calls!)} calls, ${size(sum(orders.queued!))} queued, ${paused} paused, ` +
      `in ${size(sum(orders.in!))}/s, out ${size(sum(orders.out!))}/s`,
    "",
  ];
}

/** Remembers how many bytes each connection had received and sent. */
class Rates {
  #before = new Map<string, ConnectionRow>();
  #at = performance.now();

  add(connections: readonly ConnectionRow[]): Row[] {
    const now = performance.now();
    const seconds = (now - this.#at) / 1000;
    const before = this.#before;
    this.#before = new Map(connections.map((row) => [row.id, row]));
    this.#at = now;
    return connections.map((row) => {
      const last = before.get(row.id);
      const rate = (of: (some: ConnectionRow) => number): number =>
        last === undefined ? 0 : Math.round((of(row) - of(last)) / seconds);
      return { ...row, inRate: rate((some) => some.bytesReceived), outRate: rate((some) => some.bytesSent) };
    });
  }
}

function numberOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,6}$/.test(text)) throw usageError(`${option} ${JSON.stringify(text)}: expected a number from 1`);
  return Number(text);
}
