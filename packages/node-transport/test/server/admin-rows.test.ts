// What an admin object tells about several servers, their connections and sessions: their order, number and units.

import { expect, test } from "vitest";
import type { Broker } from "@pb/broker";
import { Admin } from "@pb/node-transport/admin";
import type { AdminOptions } from "@pb/node-transport/admin";

type AdminServer = AdminOptions["servers"][number];

interface Numbers {
  readonly bytesQueued?: number;
  readonly callsRunning?: number;
  readonly latencyMs?: number;
}

function connection(id: string, openSeconds: number, { latencyMs, ...numbers }: Numbers): Broker {
  const stats = { bytesQueued: 0, callsRunning: 0, referencesGiven: 0, ...numbers };
  const openedAt = new Date(Date.now() - 1000 * openSeconds);
  const peer = { description: `tcp:192.0.2.1:${openSeconds}`, address: "192.0.2.1" };
  const methods = { stats: () => stats, latency: () => latencyMs, leakReport: () => `the leaks of ${id}` };
  return { id, users: [], peer, openedAt, ...methods } as unknown as Broker;
}

function server(host: string, port: number, connections: Broker[], path?: string): AdminServer {
  const address = { host, port, path };
  const setLimits = (): void => undefined;
  const state = { state: "listening", connections: new Set(connections), tracesReferences: false };
  return { ...state, address, setLimits, limits: {} as AdminServer["limits"] };
}

function opened() {
  const [old, busy, slow] = [
    connection("old", 300, { bytesQueued: 10 }),
    connection("busy", 100, { callsRunning: 7, bytesQueued: 20, latencyMs: 0.1234 }),
    connection("slow", 200, { callsRunning: 1, bytesQueued: 30, latencyMs: 250 }),
  ];
  const servers = [server("127.0.0.1", 8787, [old, busy]), server("::1", 8788, [slow])];
  const sessions = [old, busy, slow].map((of, index) => {
    return { avatarId: `user ${index}`, connection: of, mechanism: "x", since: new Date() };
  });
  const portals = [sessions.slice(0, 2), sessions.slice(2)].map((some) => ({ sessions: () => some, revalidate() {} }));
  return { servers, admin: new Admin({ servers, portals: portals as unknown as AdminOptions["portals"] }) };
}

test("connections of all servers begin with the largest number", () => {
  const { admin } = opened();
  const idsBy = (...args: Parameters<Admin["remote_connections"]>): string[] =>
    admin.remote_connections(...args).connections.map(({ id }) => id);
  expect(idsBy()).toEqual(["slow", "busy", "old"]);
  expect(idsBy(3, "callsRunning")).toEqual(["busy", "slow", "old"]);
  expect(idsBy(3, "openMs")).toEqual(["old", "slow", "busy"]);
  expect(idsBy(1)).toEqual(["slow"]);
  expect(admin.remote_connections(1)).toMatchObject({ total: 3, connections: [{ server: 1 }] });
});

test("latencies are in whole microseconds, and null when they are not known", () => {
  const { connections } = opened().admin.remote_connections(3, "openMs");
  expect(connections.map(({ latencyUs }) => latencyUs)).toEqual([null, 250_000, 123]);
});

test("the first sessions of all portals are in the order of the portals", () => {
  const { admin } = opened();
  const row = (user: string, portal: number, of: string) => ({ user, portal, connection: of });
  const all = [row("user 0", 0, "old"), row("user 1", 0, "busy"), row("user 2", 1, "slow")];
  expect(admin.remote_sessions()).toMatchObject({ total: 3, sessions: all });
  const first = admin.remote_sessions(2);
  expect(first.sessions).toMatchObject(all.slice(0, 2));
  expect(first.total).toBe(3);
  expect(admin.remote_state().sessions).toBe(3);
});

test("a leak report is about one connection, or about all of them", () => {
  const { admin } = opened();
  expect(admin.remote_leak_report("busy")).toBe("busy tcp:192.0.2.1:100\nthe leaks of busy");
  expect(admin.remote_leak_report().match(/the leaks of \w+/g)).toEqual(
    ["old", "busy", "slow"].map((id) => `the leaks of ${id}`),
  );
});

test("addresses of servers are those of IPv4 and IPv6 with ports, and paths", () => {
  const servers = [server("127.0.0.1", 1, []), server("::1", 2, []), server("", 0, [], "/run/pb")];
  const { servers: states } = new Admin({ servers }).remote_state();
  expect(states.map(({ address }) => address)).toEqual(["127.0.0.1:1", "[::1]:2", "/run/pb"]);
});

test("the tracing of references is switched for all servers", () => {
  const { servers, admin } = opened();
  for (const isOn of [true, false]) {
    admin.remote_trace_references(isOn);
    expect(servers.map(({ tracesReferences }) => tracesReferences)).toEqual([isOn, isOn]);
  }
});
