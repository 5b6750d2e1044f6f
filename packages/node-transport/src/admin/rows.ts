// What an admin object tells about a process, its connections and its sessions: plain values, which any peer can read.

import type { Broker, Connection } from "@pb/broker";
import type { AdminOptions, AdminServer } from "./admin-options.js";

/** The answer of `state()`. Times are whole milliseconds. What is unknown is null. */
export interface ProcessState {
  readonly pid: number;
  /** The version of Node, such as `v20.19.2`. */
  readonly node: string;
  /** Milliseconds since the process has started. */
  readonly uptimeMs: number;
  /** Bytes of V8's heap that are in use. */
  readonly heapUsed: number;
  /** Bytes of memory of the whole process. */
  readonly rss: number;
  /** The number of logins, of all portals. */
  readonly sessions: number;
  /** The level of the log, such as `info`. Null without the option `log`. */
  readonly level: string | null;
  /** The servers, in the order of the option. `address` is `host:port` or a path, `state` that of the server. */
  readonly servers: readonly {
    readonly address: string;
    readonly state: string;
    readonly connections: number;
    readonly tracesReferences: boolean;
  }[];
}

/** One connection. What is not described here is as in `BrokerStats`. What is unknown is null. */
export interface ConnectionRow {
  /** As in logs: `Broker.id`. */
  readonly id: string;
  /** The index of its server. */
  readonly server: number;
  /** The ids of the users who are logged in. */
  readonly users: readonly string[];
  /** The other end, such as `tcp:203.0.113.7:51324`. */
  readonly peer: string;
  /** The address of the other end without its port. Null for a UNIX socket. */
  readonly address: string | null;
  /** Milliseconds since it was made. */
  readonly openMs: number;
  /** The round-trip time, in microseconds. */
  readonly latencyUs: number | null;
  readonly callsRunning: number;
  readonly callsWaiting: number;
  readonly callsHeld: number;
  readonly bytesQueued: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly referencesGiven: number;
  readonly referencesHeld: number;
  readonly cachesGiven: number;
  readonly cachesHeld: number;
  readonly pausedBy: string | null;
  readonly lastAnswered: string | null;
}

/** The answer of `connections()`. */
export interface ConnectionTable {
  /** How many connections there are. */
  readonly total: number;
  /** Sums over all of them, also those that are not among `connections`. */
  readonly sums: ConnectionSums;
  readonly connections: readonly ConnectionRow[];
}

/** Numbers of all connections together, as in {@link ConnectionRow}. */
export interface ConnectionSums {
  readonly callsRunning: number;
  readonly callsWaiting: number;
  readonly callsHeld: number;
  readonly bytesQueued: number;
  /** The number of connections with `pausedBy`. */
  readonly paused: number;
}

/** One login. */
export interface SessionRow {
  /** Null for a login without a name. */
  readonly user: string | null;
  /** The index of its portal. */
  readonly portal: number;
  /** How the user has logged in, such as `scram-sha-256`. */
  readonly mechanism: string;
  /** Milliseconds since the login. */
  readonly sinceMs: number;
  /** The id of its connection. */
  readonly connection: string;
  readonly peer: string;
  readonly address: string | null;
  readonly callsRunning: number;
  readonly bytesQueued: number;
  readonly referencesGiven: number;
}

/** The answer of `sessions()`. */
export interface SessionTable {
  /** How many sessions there are. */
  readonly total: number;
  readonly sessions: readonly SessionRow[];
}

export function processState({ servers, portals = [], log }: AdminOptions): ProcessState {
  const { heapUsed, rss } = process.memoryUsage();
  return {
    pid: process.pid,
    node: process.version,
    uptimeMs: Math.round(process.uptime() * 1000),
    heapUsed,
    rss,
    sessions: portals.reduce((sum, portal) => sum + portal.sessions().length, 0),
    level: log?.level ?? null,
    servers: servers.map((server) => ({
      address: addressOf(server),
      state: server.state,
      connections: server.connections.size,
      tracesReferences: server.tracesReferences,
    })),
  };
}

function addressOf({ address }: AdminServer): string {
  if (address === undefined) return "";
  const { host, port, path } = address;
  if (port === 0 && path !== undefined) return path;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Numbers by which connections can be put in order, the largest first. */
const ORDERS = [
  ...(["openMs", "callsRunning", "callsWaiting", "bytesQueued", "bytesReceived", "bytesSent"] as const),
  ...(["referencesGiven", "referencesHeld", "latencyUs"] as const),
];
type Order = (typeof ORDERS)[number];

/** The `first` connections of all servers. Throws `TypeError` for an unknown order. */
export function connectionTable(servers: readonly AdminServer[], first: number, by: string): ConnectionTable {
  if (!ORDERS.includes(by as Order))
    throw new TypeError(`Connections have no order "${by}", only ${ORDERS.join(", ")}`);
  const now = Date.now();
  const rows = servers.flatMap((server, index) => [...server.connections].map((broker) => rowOf(broker, index, now)));
  const numberOf = (row: ConnectionRow): number => row[by as Order] ?? -1;
  rows.sort((one, other) => numberOf(other) - numberOf(one));
  return { total: rows.length, sums: sumsOf(rows), connections: rows.slice(0, first) };
}

function sumsOf(rows: readonly ConnectionRow[]): ConnectionSums {
  const sums = { callsRunning: 0, callsWaiting: 0, callsHeld: 0, bytesQueued: 0, paused: 0 };
  for (const { callsRunning, callsWaiting, callsHeld, bytesQueued, pausedBy } of rows) {
    sums.callsRunning += callsRunning;
    sums.callsWaiting += callsWaiting;
    sums.callsHeld += callsHeld;
    sums.bytesQueued += bytesQueued;
    if (pausedBy !== null) sums.paused++;
  }
  return sums;
}

function rowOf(broker: Broker, server: number, now: number): ConnectionRow {
  const { id, users, peer, openedAt } = broker;
  const { referencesLimit: _, extensionsIgnored: _ignored, pausedBy, lastAnswered, ...numbers } = broker.stats();
  const latency = broker.latency();
  return {
    ...{ id, server, users: [...users], peer: peer.description, address: peer.address ?? null },
    openMs: Math.max(0, now - openedAt.getTime()),
    latencyUs: latency === undefined ? null : Math.round(latency * 1000),
    ...numbers,
    pausedBy: pausedBy ?? null,
    lastAnswered: lastAnswered ?? null,
  };
}

/** The `first` sessions of all portals, in the order of their logins. */
export function sessionTable({ portals = [] }: AdminOptions, first: number): SessionTable {
  const now = Date.now();
  const all = portals.flatMap((portal, index) => portal.sessions().map((session) => ({ ...session, portal: index })));
  const sessions = all.slice(0, first).map(({ avatarId, connection, mechanism, since, portal }) => ({
    user: typeof avatarId === "string" ? avatarId : null,
    ...{ portal, mechanism, sinceMs: Math.max(0, now - since.getTime()) },
    ...connectionOf(connection),
  }));
  return { total: all.length, sessions };
}

function connectionOf(connection: Connection): Omit<SessionRow, "user" | "portal" | "mechanism" | "sinceMs"> {
  const { callsRunning, bytesQueued, referencesGiven } = connection.stats();
  const { id, peer } = connection;
  return {
    ...{ connection: id, peer: peer.description, address: peer.address ?? null },
    ...{ callsRunning, bytesQueued, referencesGiven },
  };
}
