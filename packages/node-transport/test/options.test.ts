// Options of connect and listen: undefined is the default, and a value of the wrong kind is refused where it is given,
// before a socket is opened.

import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { PassThrough } from "node:stream";
import { defaultBrokerLimits, Referenceable } from "@pb/broker";
import { connect, defaultServerLimits, listen, reconnecting } from "@pb/node-transport";
import type { ClientEndpoint, ConnectOptions, ListenOptions, ServerEndpoint } from "@pb/node-transport";
import { rightForConnect, rightForReconnecting, wrongOptions } from "../../transport/test/support/wrong-options.js";
import { echo, Echo } from "./support/echo.js";

const here = "tcp:0:interface=127.0.0.1";
const bad = [NaN, -1, "5", null];

const undefinedOptions = (names: object): object =>
  Object.fromEntries(Object.keys(names).map((name) => [name, undefined]));

test("undefined is the default of every option", async () => {
  const options = {
    broker: { limits: undefinedOptions(defaultBrokerLimits), onEvent: undefined },
    liveness: { intervalMs: undefined, answerMs: undefined },
    signal: undefined,
    tls: undefined,
  };
  await using server = await listen(here, new Echo(), {
    ...options,
    limits: undefinedOptions(defaultServerLimits),
    logins: { sameUser: undefined, answerMs: undefined },
    onConnection: undefined,
    onEvent: undefined,
  });
  const client = await connect(`tcp:127.0.0.1:${server.port}`, { ...options, connectMs: undefined, tlsMs: undefined });
  expect(await echo(client, 1)).toBe(1);
  await client.close();
});

describe.each(bad)("the value %o", (value) => {
  test.each<object>([
    { broker: { limits: { negotiationMs: value } } },
    { liveness: { answerMs: value } },
    { connectMs: value },
    { tlsMs: value },
  ])("is refused by clients in %o", async (options) => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    let connections = 0;
    server.on("connection", () => connections++);
    const endpoint = `tcp:127.0.0.1:${(server.address() as AddressInfo).port}`;
    await expect(connect(endpoint, options as ConnectOptions)).rejects.toThrow(TypeError);
    expect(() => reconnecting(endpoint, options)).toThrow(TypeError);
    server.close();
    await once(server, "close");
    expect(connections).toBe(0);
  });

  test.each<object>([
    { broker: { limits: { callsRunning: value } } },
    { limits: { connections: value } },
    { limits: { tlsMs: value } },
    { liveness: { intervalMs: value } },
    { logins: { answerMs: value } },
  ])("is refused by servers in %o", async (options) => {
    await expect(listen(here, new Echo(), options as ListenOptions)).rejects.toThrow(TypeError);
  });

  test.each<object>([
    { type: "tcp", host: "127.0.0.1", port: value },
    { type: "tcp", host: "127.0.0.1", port: 1, timeoutMs: value },
    { type: "unix", path: "/nowhere", timeoutMs: value },
  ])("is refused in the client endpoint %o", async (endpoint) => {
    await expect(connect(endpoint as ClientEndpoint)).rejects.toMatchObject({ code: "ENDPOINT_INVALID" });
  });

  test.each<object>([
    { type: "tcp", port: value },
    { type: "tcp", port: 0, backlog: value },
    { type: "unix", path: "/nowhere", mode: value },
    { type: "systemd", index: value },
  ])("is refused in the server endpoint %o", async (endpoint) => {
    await expect(listen(endpoint as ServerEndpoint, new Echo())).rejects.toMatchObject({ code: "ENDPOINT_INVALID" });
  });
});

test("both times of closing can be given, and can be undefined", async () => {
  for (const time of [1_000, undefined]) {
    const server = await listen(here, new Echo());
    await server.close({ drainMs: time, retryAfterMs: time });
  }
});

test("a bad time to drain is refused, and the server goes on", async () => {
  await using server = await listen(here, new Echo());
  await expect(server.close({ drainMs: NaN })).rejects.toThrow(TypeError);
  await expect(server.close({ retryAfterMs: NaN })).rejects.toThrow(TypeError);
  await using client = await connect(`tcp:127.0.0.1:${server.port}`);
  expect(await echo(client, 1)).toBe(1);
});

test("only lists of proxies and words that exist are accepted, and a signal that is null is none", async () => {
  for (const trustProxies of [null, "private", NaN, {}]) {
    const options = { trustProxies } as unknown as ListenOptions;
    await expect(listen(here, new Echo(), options)).rejects.toThrow(/trustProxies must be a list/);
  }
  const server = await listen(here, new Echo(), { signal: null } as unknown as ListenOptions);
  const endpoint = `tcp:127.0.0.1:${server.port}`;
  for (const whileDown of ["Fail", null, NaN])
    expect(() => reconnecting(endpoint, { whileDown } as never)).toThrow(/The option whileDown must be/);
  await server.close();
});

const callbacks = [5, "x", null, Promise.resolve()];

test.each<object>([
  ...callbacks.flatMap((value) => [{ onEvent: value }, { onConnection: value }, { broker: { onEvent: value } }]),
  { limit: {} },
  { limits: { conections: 5 } },
  { broker: null },
  { broker: { limit: {} } },
  { broker: { limits: { callRunning: 4 } } },
  { broker: { root: new Echo() } },
  { broker: { types: {} } },
  { broker: { dialects: [] } },
  { broker: { dialects: ["pb"] } },
  { broker: { errorClasses: { "a.B": 5 } } },
  { broker: { exactness: { dict: "map" } } },
  { liveness: true },
  { logins: { same: "ask" } },
  { signal: 5 },
  { tls: {} }, // without a TLS endpoint
])("a server refuses %o", async (options) => {
  await expect(listen(here, new Echo(), options as ListenOptions)).rejects.toThrow(TypeError);
});

test.each<object>([
  { connectTimeout: 5 },
  { brokr: {} },
  { tls: { ca: "x" } }, // without a TLS endpoint
  { liveness: { interval: 5 } },
  { broker: { onEvent: 5 } },
  { signal: 5 },
])("a client refuses %o", async (options) => {
  const endpoint = "tcp:127.0.0.1:1";
  await expect(connect(endpoint, options as ConnectOptions)).rejects.toThrow(TypeError);
  expect(() => reconnecting(endpoint, options)).toThrow(TypeError);
});

test.each<object>([{ onState: 5 }, { login: 5 }, { isFinal: "never" }, { idempotent: "echo" }, { backof: {} }])(
  "a reconnecting client refuses %o",
  (options) => {
    expect(() => reconnecting("tcp:127.0.0.1:1", options)).toThrow(TypeError);
  },
);

test.each(wrongOptions({ ...rightForConnect, tlsMs: ["Infinity"], tls: [] }))(
  "connect and reconnecting name the wrong option %s (%s)",
  async (name, _what, options) => {
    const named = { name: "TypeError", message: expect.stringContaining(name) };
    await expect(connect("tcp:127.0.0.1:1", options)).rejects.toMatchObject(named);
    expect(() => reconnecting("tcp:127.0.0.1:1", options)).toThrow(expect.objectContaining(named));
  },
);

test.each(wrongOptions(rightForReconnecting))("reconnecting names the wrong option %s (%s)", (name, _what, options) => {
  const named = { name: "TypeError", message: expect.stringContaining(name) };
  expect(() => reconnecting("tcp:127.0.0.1:1", options)).toThrow(expect.objectContaining(named));
});

test("TLS options are refused for every connection without TLS, and misspelled ones everywhere", async () => {
  const tls = { verify: true };
  const endpoints = ["tcp:127.0.0.1:1", "unix:/nowhere", "pb://127.0.0.1:1", "pb+unix:/nowhere"];
  for (const endpoint of [...endpoints, new PassThrough()])
    await expect(connect(endpoint, { tls })).rejects.toThrow(/tls has no effect on .*: use .* tls:host:port or pbs:/);
  for (const endpoint of endpoints) expect(() => reconnecting(endpoint, { tls })).toThrow(/tls has no effect/);
  for (const endpoint of ["unix:/nowhere", "pb://127.0.0.1:0"])
    await expect(listen(endpoint, new Echo(), { tls: {} })).rejects.toThrow(/tls has no effect/);
  const misspelled = { tls: { caFile: "x" } as object };
  await expect(connect("tls:127.0.0.1:1", misspelled)).rejects.toThrow('There is no option "caFile"');
  await expect(listen("ssl:0", new Echo(), misspelled)).rejects.toThrow('There is no option "caFile"');
});

test("an option that belongs into another one is refused with its place", async () => {
  const options = { onEvent: () => 1 } as ConnectOptions;
  await expect(connect("tcp:127.0.0.1:1", options)).rejects.toThrow("did you mean broker: { onEvent }?");
  await expect(listen(here, new Echo(), { types: 5 } as object)).rejects.toThrow("did you mean broker: { types }?");
  expect(() => reconnecting("tcp:127.0.0.1:1", { answerMs: 5 } as object)).toThrow("liveness: { answerMs }?");
});

test.each<[string, unknown, RegExp]>([
  ["a class", Echo, /the class Echo, pass an instance: new Echo\(\)/],
  ["a promise", Promise.resolve(new Echo()), /a promise, await it first/],
  ["a Referenceable", new (class Shop extends Referenceable {})(), /let its class extend Root/],
  ["an object", {}, /let its class extend Root/],
  ["an object whose rootObject is no method", { rootObject: new Echo() }, /let its class extend Root/],
  ["a function", () => new Echo(), /a function/],
  ["text", "root", /a text/],
  ["null", null, /null/],
  ["nothing", undefined, /null/],
])("a server refuses %s as its root", async (_what, root, message) => {
  await expect(listen(here, root as never)).rejects.toThrow(TypeError);
  await expect(listen(here, root as never)).rejects.toThrow(message);
});
