// Options of servers and clients: undefined is the default, and a value of the wrong kind is refused where it is given.

import { BrokerConfig } from "@pb/broker/extension";
import { defaultBackoff, defaultServerLimits, ReconnectingClient, ServerConnections } from "@pb/transport";
import type { ReconnectingClientOptions, ServerConnectionsOptions } from "@pb/transport";
import { describe, expect, test } from "vitest";
import { echo, Echo } from "./support/echo.js";
import { connectTo, serve } from "./support/memory-network.js";

const bad = [NaN, -1, "5", null];

test("undefined is the default of every option of a server", async () => {
  const limits = Object.fromEntries(Object.keys(defaultServerLimits).map((name) => [name, undefined]));
  const { connections, network } = serve(new Echo(), {
    limits,
    liveness: { intervalMs: undefined, answerMs: undefined },
    sameUser: { sameUser: undefined, answerMs: undefined },
  });
  expect(connections.limits).toStrictEqual(defaultServerLimits);
  expect(await echo(await connectTo(network), 1)).toBe(1);
  await connections.close({ drainMs: undefined });
});

describe.each(Object.keys(defaultServerLimits))("the limit %s", (name) => {
  test.each(bad)("is not %o", (value) => {
    const options = { config: new BrokerConfig(), limits: { [name]: value } } as ServerConnectionsOptions;
    expect(() => new ServerConnections(options)).toThrow(TypeError);
  });
});

test.each([
  ...bad.flatMap((value) => [{ liveness: { intervalMs: value } }, { liveness: { answerMs: value } }]),
  ...bad.map((value) => ({ sameUser: { answerMs: value } })),
  { sameUser: { sameUser: "refuse" } },
])("a server refuses %o", (options) => {
  const all = { config: new BrokerConfig(), ...options } as ServerConnectionsOptions;
  expect(() => new ServerConnections(all)).toThrow(TypeError);
});

test("a server refuses a bad time to drain, and goes on", async () => {
  const { connections, network } = serve(new Echo());
  const client = await connectTo(network);
  await expect(connections.close({ drainMs: NaN })).rejects.toThrow(TypeError);
  expect(await echo(client, 1)).toBe(1);
  expect(await echo(await connectTo(network), 2)).toBe(2);
});

test.each([
  ...Object.keys(defaultBackoff).flatMap((name) => bad.map((value) => ({ backoff: { [name]: value } }))),
  { backoff: { jitter: 1.1 } },
  { backoff: { factor: 0.9 } },
  { liveness: { intervalMs: NaN } },
  { onState: 5 },
  { login: Promise.resolve() },
  { isFinal: true },
  { idempotent: "echo" },
  { whileDown: "Fail" },
  { loginMs: "5" },
  { signal: {} },
  { backof: {} },
])("a reconnecting client refuses %o before it connects", (options) => {
  let dials = 0;
  const dial = (): Promise<never> => {
    dials++;
    return Promise.reject(new Error("not reached"));
  };
  expect(() => new ReconnectingClient(dial, options as ReconnectingClientOptions<unknown>)).toThrow(TypeError);
  expect(dials).toBe(0);
});

test("a reconnecting client refuses a bad time of a call where it is given", async () => {
  const { network } = serve(new Echo());
  const client = new ReconnectingClient<Echo>(network.dial(), { backoff: { firstMs: undefined } });
  expect(() => client.with({ timeoutMs: NaN })).toThrow(TypeError);
  expect(() => client.with({ timeout: 5 } as object)).toThrow('There is no option "timeout": did you mean timeoutMs?');
  expect(() => client.with({ idempotent: 1 } as object)).toThrow(TypeError);
  expect(() => client.onState(5 as never)).toThrow(TypeError);
  expect(await client.with({ timeoutMs: undefined }).callRemote("echo", 1)).toBe(1);
  await client.close();
});
