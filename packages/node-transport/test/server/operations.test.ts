// What an operator sees of a server, and changes while it runs.

import { connect as connectSocket } from "node:net";
import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { Referenceable, Root } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { connect, listen } from "@pb/node-transport";
import type { ServerEvent } from "@pb/node-transport";
import { Authority } from "../support/certificates.js";
import { echo, Echo, until } from "../support/echo.js";
import { Program } from "../support/program.js";

const here = "tcp:0:interface=127.0.0.1";

test("is listening, draining, and closed", async () => {
  const server = await listen(here, new Echo());
  expect(server.state).toBe("listening");
  const closed = server.close();
  expect(server.state).toBe("draining");
  await closed;
  expect(server.state).toBe("closed");
});

test("changes limits while it runs", async () => {
  await using server = await listen(here, new Echo(), { limits: { connections: 1 } });
  const to = `tcp:127.0.0.1:${server.port}`;
  await using first = await connect(to);
  await expect(connect(to)).rejects.toMatchObject({ limit: "connections" });
  server.setLimits({ connections: 2 });
  await using second = await connect(to);
  expect([await echo(first, 1), await echo(second, 2)]).toEqual([1, 2]);
  server.setLimits({ connections: 1 });
  expect(await echo(second, 3)).toBe(3);
  expect(() => server.setLimits({ connections: -1 })).toThrow(TypeError);
  expect(() => server.setLimits({ sockets: 1 } as object)).toThrow(TypeError);
  expect(() => server.setLimits({ tlsMs: 1 })).toThrow("tlsMs cannot be changed");
});

test("changes limits of connections that are open", async () => {
  const root = new Echo();
  await using server = await listen(here, root, { broker: { limits: { overload: "refuse" } } });
  await using client = await connect(`tcp:127.0.0.1:${server.port}`);
  const reference = await client.getRootObject<Echo>();
  const first = reference.callRemote("wait", 1);
  server.setLimits({ broker: { callsRunning: 1 } });
  await expect(reference.callRemote("echo", 2)).rejects.toThrow("the limit is 1");
  expect(server.limits).toMatchObject({ connections: 10_000, broker: { callsRunning: 1, overload: "refuse" } });
  server.setLimits({ broker: { callsRunning: 2 } });
  expect(await reference.callRemote("echo", 3)).toBe(3);
  root.answerAll();
  expect(await first).toBe(1);
  for (const broker of [{ turnMs: 1 }, { callsRunning: -1 }, { calls: 1 }, { overload: "never" }])
    expect(() => server.setLimits({ connections: 1, broker: broker as object })).toThrow(TypeError);
  expect(server.limits).toMatchObject({ connections: 10_000, broker: { callsRunning: 2 } });
});

test("traces references from when that is switched on", async () => {
  class Thing extends Referenceable {}
  class Keeper extends Root {
    readonly kept: unknown[] = [];
    remote_keep(thing: RemoteReference) {
      this.kept.push(thing);
    }
  }
  await using server = await listen(here, new Keeper());
  await using client = await connect(`tcp:127.0.0.1:${server.port}`);
  const root = await client.getRootObject();
  const report = () => [...server.connections].map((connection) => connection.leakReport()).join("");
  expect(server.tracesReferences).toBe(false);
  await root.callRemote("keep", new Thing());
  expect(report()).toBe("");
  server.tracesReferences = true;
  await root.callRemote("keep", new Thing());
  expect(report()).toBe("object 2: 1 references\n    in an argument of keep");
});

test("reports a connection that is not read, and that it is read again", async () => {
  const events: ServerEvent[] = [];
  const root = new Echo();
  const broker = { limits: { callsRunning: 1 } };
  await using server = await listen(here, root, { broker, onEvent: (event) => events.push(event) });
  await using client = await connect(`tcp:127.0.0.1:${server.port}`);
  const reference = await client.getRootObject<Echo>();
  const answers = [1, 2, 3].map(() => reference.callRemote("wait", new Uint8Array(100_000)));
  await until(() => events.some(({ kind }) => kind === "paused"), "the pause is reported");
  let isAnswered = false;
  const answered = Promise.all(answers).then(() => (isAnswered = true));
  await until(() => (root.answerAll(), isAnswered), "all calls are answered");
  await answered;
  const [{ id } = { id: "none" }] = server.connections;
  expect(events).toMatchObject([
    { kind: "connection", id },
    { kind: "paused", id, limit: "callsRunning" },
    { kind: "resumed", id },
  ]);
});

test("reports that all connections together take too much memory", async () => {
  const events: ServerEvent[] = [];
  const root = new Echo();
  const broker = { limits: { processHeapBytes: 300_000 } };
  await using server = await listen(here, root, { broker, onEvent: (event) => events.push(event) });
  const clients = await Promise.all([1, 2].map(() => connect(`tcp:127.0.0.1:${server.port}`)));
  for (const client of clients) {
    const reference = await client.getRootObject<Echo>();
    reference.callRemote("wait", new Uint8Array(200_000)).catch(() => undefined);
  }
  await until(() => events.some(({ kind }) => kind === "closed"), "one of them is ended");
  expect(events).toContainEqual({ kind: "memory", limit: "processHeapBytes" });
  expect(events.find(({ kind }) => kind === "closed")).toMatchObject({ reason: { reason: "limit" } });
  root.answerAll();
  await Promise.all(clients.map((client) => client.close()));
});

describe("a certificate", () => {
  const authority = new Authority("A test authority");
  const day = 86_400_000;

  test.for([
    [20, undefined],
    [10, false],
    [-1, true],
  ] as const)("that expires in %i days is reported with hasExpired: %s", async ([days, hasExpired]) => {
    const validTo = new Date(Date.now() + days * day);
    const { cert, key } = authority.issue("localhost", { validFrom: new Date(Date.now() - 90 * day), validTo });
    const events: ServerEvent[] = [];
    await using server = await listen("ssl:0:interface=127.0.0.1", new Echo(), { tls: { cert, key } });
    server.onEvent((event) => events.push(event));
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    const expected = { kind: "certificate", name: "DNS:localhost", hasExpired };
    expect(events).toMatchObject(hasExpired === undefined ? [] : [expected]);
  });
});

test.skipIf(process.platform === "win32")("reports that descriptors are nearly, and then all used", async () => {
  const wrapper = ["sh", "-c", 'ulimit -n 400; exec "$@"', "sh"];
  await using program = new Program("crowded-server.ts", [], { wrapper });
  const port = Number(await program.line());
  if (process.platform === "linux") {
    const near = (await program.ask("20")) as { open: number };
    expect(near).toMatchObject({ kind: "descriptors", limit: 400 });
    expect(near.open).toBeGreaterThanOrEqual(360);
  }
  expect(await program.ask("0")).toEqual({
    kind: "error",
    error: expect.stringMatching(/Too many files and sockets are open.*raise LimitNOFILE= or ulimit -n/),
  });
  const socket = connectSocket(port, "127.0.0.1").on("error", () => undefined); // Node reports nothing about it.
  await once(socket.resume(), "close");
});
