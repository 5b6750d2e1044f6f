// What an operator sees and changes over the admin socket of a process.

import { statSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Avatar } from "@pb/broker";
import type { Broker, RemoteReference } from "@pb/broker";
import { InMemoryUsernamePasswordChecker, Portal } from "@pb/cred";
import { connect, listen } from "@pb/node-transport";
import type { Server } from "@pb/node-transport";
import { Admin, listenAdmin } from "@pb/node-transport/admin";
import type { AdminOptions } from "@pb/node-transport/admin";
import { WebServer } from "@pb/web-transport";
import { folder } from "../../../node-transport/test/support/echo.js";
import { connectAs } from "./users.js";

class User extends Avatar {
  perspective_hello(): string {
    return "hello";
  }
}

const passwords: Record<string, string> = { ann: "secret", bob: "secret" };
const portal = new Portal({ requestAvatar: () => ({ avatar: new User() }) }, [
  new InMemoryUsernamePasswordChecker(passwords),
]);
const log = { level: "info" };
const actions: unknown[] = [];
/** A login ends when its avatar is not used any more. */
const avatars: unknown[] = [];

describe.skipIf(process.platform === "win32")("the admin socket", () => {
  const place = folder();
  const path = place.file("admin.sock");
  let server: Server;
  let socket: Server;
  let operator: Broker;
  let admin: RemoteReference<Admin>;

  beforeAll(async () => {
    server = await listen("tcp:0:interface=127.0.0.1", portal);
    const onAction = (method: string, args: readonly unknown[]): void => void actions.push([method, ...args]);
    socket = await listenAdmin(path, { servers: [server], portals: [portal], log, onAction });
    operator = await connect(`unix:${path}`);
    admin = await operator.getRootObject<Admin>();
    await admin.callRemote("state"); // The end of the server is ready too.
  });
  afterAll(async () => {
    await operator.close();
    await socket.close();
    await server.close();
    place[Symbol.dispose]();
  });

  async function logIn(user: string): Promise<Broker> {
    const { connection, avatar } = await connectAs<User>(server.port, user);
    avatars.push(avatar);
    await avatar.callRemote("hello");
    return connection;
  }

  test("is for the user of the process only", () => {
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test("shows the process, its connections and its sessions", async () => {
    await using _client = await logIn("ann");
    const state = await admin.callRemote("state");
    expect(state).toMatchObject({ pid: process.pid, node: process.version, sessions: 1, level: "info" });
    expect(state.servers).toEqual([
      { address: `127.0.0.1:${server.port}`, state: "listening", connections: 1, tracesReferences: false },
    ]);
    const [{ id } = { id: "none" }] = server.connections;
    const { total, connections } = await admin.callRemote("connections");
    expect([total, connections]).toMatchObject([
      1,
      [{ id, server: 0, users: ["ann"], address: "127.0.0.1", callsRunning: 0, pausedBy: null, lastAnswered: "hello" }],
    ]);
    expect(await admin.callRemote("sessions")).toMatchObject({
      total: 1,
      sessions: [{ user: "ann", portal: 0, connection: id, address: "127.0.0.1", callsRunning: 0 }],
    });
    expect(await admin.callRemote("connections", 0, "latencyUs")).toEqual({
      total: 1,
      sums: { callsRunning: 0, callsWaiting: 0, callsHeld: 0, bytesQueued: expect.any(Number) as number, paused: 0 },
      connections: [],
    });
  });

  test("ends sessions, for a time, for good and when passwords change", async () => {
    await using first = await logIn("ann");
    expect(await admin.callRemote("disconnect", "ann", 0)).toBe(1);
    expect((await first.closed).reason).toBe("denied");
    await using second = await logIn("ann");
    expect(await admin.callRemote("disconnect", "ann")).toBe(1);
    await second.closed;
    await expect(logIn("ann")).rejects.toMatchObject({ code: "LOGIN_DENIED" });
    expect(await admin.callRemote("readmit", "ann")).toBe(true);
    expect(await admin.callRemote("readmit", "ann")).toBe(false);
    await using third = await logIn("ann");
    expect(await admin.callRemote("revalidate")).toBe(0);
    expect(third.isOpen).toBe(true);
    expect(await admin.callRemote("disconnect", "ann", null, true)).toBe(1);
    await expect(logIn("ann")).rejects.toMatchObject({ code: "LOGIN_DENIED" });
    await admin.callRemote("readmit", "ann");
    expect(actions.slice(0, 3)).toEqual([
      ["disconnect", "ann", 0, false],
      ["disconnect", "ann", null, false],
      ["readmit", "ann"],
    ]);
  });

  test("closes one connection", async () => {
    await using client = await logIn("bob");
    const { id } = [...server.connections].find(({ users }) => users.includes("bob"))!;
    expect(await admin.callRemote("close", "another")).toBe(false);
    expect(await admin.callRemote("close", id)).toBe(true);
    expect((await client.closed).reason).toBe("lost");
  });

  test("changes limits, the level of the log and the tracing of references", async () => {
    await admin.callRemote("set_limits", { connections: 7, broker: { callsRunning: 3, overload: "refuse" } });
    expect(server.limits).toMatchObject({ connections: 7, broker: { callsRunning: 3, overload: "refuse" } });
    expect(await admin.callRemote("limits")).toMatchObject({ connections: 7, strangers: 2_000 });
    await admin.callRemote("set_limits", { connections: 10_000, broker: { callsRunning: 10_000, overload: "wait" } });
    expect(await admin.callRemote("set_level", "debug")).toBe("info");
    expect(log.level).toBe("debug");
    await admin.callRemote("trace_references", true);
    expect(server.tracesReferences).toBe(true);
    await using _client = await logIn("ann");
    expect(await admin.callRemote("leak_report")).toContain("given User");
    await admin.callRemote("trace_references", false);
    expect(await admin.callRemote("reload_tls")).toBe(0);
  });

  test.for([
    ["set_limits", [{ connections: -1 }], "connections"],
    ["set_limits", [{ sockets: 1 }], 'no limit "sockets"'],
    ["set_limits", [{ connections: 5, broker: { turnMs: 1 } }], "turnMs cannot be changed"],
    ["set_limits", [{}, 3], "no server 3"],
    ["limits", ["x"], "no server x"],
    ["limits", ["length"], "no server length"],
    ["connections", [10, "beauty"], 'no order "beauty"'],
    ["connections", [-1], "number of rows"],
    ["disconnect", [5], "the id that the checker returned"],
    ["disconnect", ["ann", -1], "forMs"],
    ["trace_references", ["yes"], "true or false"],
    ["set_limits", [5], "must be a dict"],
    ["set_limits", [null], "must be a dict"],
    ["set_limits", [{}, "map"], "no server map"],
    ["set_level", [5], "The level must be text"],
    ["readmit", [5], "The user must be text"],
    ["close", [5], "must be text"],
    ["leak_report", [5], "must be text"],
    ["leak_report", ["another"], "no connection with this id"],
  ] as const)("answers wrong arguments of %s with an error: %j", async ([method, args, text]) => {
    const before = server.limits;
    await expect((admin as RemoteReference).callRemote(method, ...args)).rejects.toThrow(text);
    expect(server.limits).toEqual(before);
  });
});

test("only servers with TLS are counted when certificates are read again", async () => {
  const admin = new Admin({ servers: [new WebServer(portal)] });
  expect(await admin.remote_reload_tls()).toBe(0);
});

test("an admin object without portals and log has no users and no level", async () => {
  await using server = await listen("tcp:0:interface=127.0.0.1", portal);
  const admin = new Admin({ servers: [server] });
  expect(admin.remote_sessions()).toEqual({ total: 0, sessions: [] });
  await expect(admin.remote_disconnect("ann")).rejects.toThrow("no portal");
  expect(() => admin.remote_set_level("debug")).toThrow("no log");
});

test.each([{}, { servers: [1] }, { servers: [], portals: [{}] }, { servers: [], name: 1 }, undefined])(
  "options %j are refused",
  (options) => {
    expect(() => new Admin(options as unknown as AdminOptions)).toThrow(TypeError);
  },
);
