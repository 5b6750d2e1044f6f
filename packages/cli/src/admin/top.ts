// `pb top`: the connections of a server, with what each of them costs at the moment.

import type { RemoteReference } from "@pb/broker";
import { printable } from "@pb/jelly-types";
import type { Admin, ConnectionRow, ConnectionSums, ProcessState } from "@pb/node-transport/admin";
import { setTimeout as sleep } from "node:timers/promises";
import { secondsOf, withDeadline } from "../deadline.js";
import { exitStatus, usageError } from "../errors.js";
import { escaped } from "../escape.js";
import { canRedraw, columnsOf } from "../io.js";
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

/** Connections that the server is asked for at least: their rates are known when they come to the top. */
const ASKED = 1000;

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

/** The numbers by which the server chooses connections if it has more than are asked for. */
const serverOrders: Readonly<Record<string, string>> = {
  calls: "callsRunning",
  queued: "bytesQueued",
  refs: "referencesGiven",
  in: "bytesReceived",
  out: "bytesSent",
  age: "openMs",
  rtt: "latencyUs",
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
  const isLive = canRedraw(io.stdout, io.env) && flags.json !== true;
  const times = numberOf("--times", flags.times) ?? (isLive ? Infinity : 1);
  const rows = numberOf("--rows", flags.rows);
  secondsOf("--timeout", flags.timeout);
  const showAll = async (admin: RemoteReference<Admin>): Promise<void> => {
    const rates = new Rates();
    if (isLive) io.stdout.write(ENTER);
    try {
      for (let count = 0; count < times; count++) {
        if (count > 0) await sleep(intervalMs, undefined, { signal: io.signal });
        const snapshot = await withDeadline(flags.timeout, io.signal, (signal) => {
          const first = Math.max(rows ?? 0, ASKED);
          return take(admin, signal, first, serverOrders[flags.sort]!, rates);
        });
        show(snapshot, flags, rows, isLive, io);
      }
    } finally {
      if (isLive) io.stdout.write(LEAVE);
    }
  };
  await withAdmin(socket, io.signal, showAll, flags.timeout);
  return exitStatus.success;
}

/** Sequences for the alternate screen of a terminal: `LEAVE` shows the text again that was there before `ENTER`. */
const ENTER = "\x1b[?1049h";
const LEAVE = "\x1b[?1049l";
const HOME = "\x1b[H\x1b[J";

interface Snapshot {
  readonly state: ProcessState;
  readonly total: number;
  readonly sums: ConnectionSums;
  readonly connections: readonly Row[];
}

async function take(
  admin: RemoteReference<Admin>,
  signal: AbortSignal,
  first: number,
  by: string,
  rates: Rates,
): Promise<Snapshot> {
  const abortable = admin.with({ signal });
  const [state, table] = await Promise.all([
    abortable.callRemote("state"),
    abortable.callRemote("connections", first, by),
  ]);
  return { state, ...table, connections: rates.add(table.connections) };
}

function show(snapshot: Snapshot, flags: TopFlags, rows: number | undefined, isLive: boolean, io: CliIo): void {
  const { state, total, sums, connections } = snapshot;
  const order = orders[flags.sort]!;
  const sorted = [...connections].sort((one, other) => order(other) - order(one));
  if (flags.json === true) {
    const shown = sorted.slice(0, rows ?? ASKED);
    const line = { time: new Date().toISOString(), ...state, total, sums, connections: shown };
    io.stdout.write(`${escaped(JSON.stringify(line))}\n`);
    return;
  }
  const head = headOf(snapshot);
  const fitting = isLive ? Math.max(1, (io.stdout.rows ?? 24) - head.length - 2) : ROWS;
  const shown = sorted.slice(0, rows ?? fitting);
  const width = columnsOf(io.stdout);
  const lines = [
    ...head.map((line) => printable(line, Infinity).slice(0, width)),
    ...tableLines(columns, shown, width),
  ];
  if (total > shown.length && !isLive) lines.push(`and ${total - shown.length} more connections`);
  io.stdout.write(`${isLive ? HOME : ""}${lines.join("\n")}\n`);
}

function headOf({ state, total, sums, connections }: Snapshot): string[] {
  const { pid, node, uptimeMs, rss, heapUsed, sessions, level } = state;
  const rate = (of: (row: Row) => number): string => {
    const known = size(connections.reduce((sum, row) => sum + of(row), 0));
    return `${connections.length < total ? "at least " : ""}${known}/s`;
  };
  return [
    `pid ${pid}, up ${duration(uptimeMs)}, node ${node}, memory ${size(rss)}, heap ${size(heapUsed)}` +
      (level === null ? "" : `, log level ${level}`),
    ...state.servers.map(({ address, state: is, connections: open }) => `${address} ${is}, ${open} connections`),
    `${sessions} sessions, ${sums.callsRunning + sums.callsHeld} calls, ${size(sums.bytesQueued)} queued, ` +
      `${sums.paused} paused, in ${rate(orders.in!)}, out ${rate(orders.out!)}`,
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
