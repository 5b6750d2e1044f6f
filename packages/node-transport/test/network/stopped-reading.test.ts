// Ends that have stopped reading: they stay connected, lose nothing, and never wait for each other forever.

import { Root } from "@pb/broker";
import type { BrokerLimits } from "@pb/broker";
import { connect, listen } from "@pb/node-transport";
import type { LivenessOptions } from "@pb/node-transport";
import { describe, expect, test } from "vitest";
import { sleep, until } from "../support/echo.js";

const here = "tcp:0:interface=127.0.0.1";
/** Pings often, and gives up soon. */
const strict: LivenessOptions = { intervalMs: 100, answerMs: 1000 };
/** Longer than `strict` allows a peer to be silent. */
const LONG_MS = 2500;

/** Methods that finish when the test says so, and messages that are counted. */
class Service extends Root {
  readonly waiting: (() => void)[] = [];
  taken = 0;
  isOver = false;

  remote_wait(value: unknown): Promise<unknown> {
    if (this.isOver) return Promise.resolve(value);
    return new Promise((resolve) => this.waiting.push(() => resolve(value)));
  }

  remote_take(_value: unknown): void {
    this.taken++;
  }

  finish(): void {
    this.isOver = true;
    for (const end of this.waiting.splice(0)) end();
  }
}

async function open(limits: Partial<BrokerLimits>) {
  const [service, client] = [new Service(), new Service()];
  const server = await listen(here, service, { broker: { limits }, liveness: strict });
  const connection = await connect(`tcp:127.0.0.1:${server.port}`, {
    broker: { root: client, limits },
    liveness: strict,
  });
  const close = async (): Promise<void> => {
    await Promise.all([connection.close(), server.close()]);
  };
  const [back] = [...server.connections];
  return { service, client, server, connection, back: back!, [Symbol.asyncDispose]: close };
}

describe.each([
  ["a few calls are held", "small"],
  ["so many calls are held that nothing is read", "x".repeat(100_000)],
])("while the limit of running calls is reached, and %s", (_what, argument) => {
  test("the connection stays, because its end still shows signs of life, and all calls are answered", async () => {
    await using ends = await open({ callsRunning: 2 });
    const root = await ends.connection.getRootObject();
    const calls = Array.from({ length: 6 }, () => root.callRemote("wait", argument));
    await until(() => ends.service.waiting.length === 2, "two calls run");
    await Promise.race([sleep(LONG_MS), ends.connection.closed, ends.back.closed]);
    expect([ends.connection.isOpen, ends.back.isOpen]).toEqual([true, true]);
    expect(ends.back.stats().pausedBy).toBe(argument === "small" ? undefined : "callsRunning");
    ends.service.finish();
    expect(await Promise.all(calls)).toEqual(calls.map(() => argument));
  });

  test("so does a connection where both ends are in that state", async () => {
    await using ends = await open({ callsRunning: 2 });
    const there = await ends.connection.getRootObject();
    const back = await ends.back.getRootObject();
    // Without answers, so that neither end waits for the other.
    for (let call = 0; call < 6; call++) for (const root of [there, back]) root.sendRemote("wait", argument);
    await until(() => ends.service.waiting.length + ends.client.waiting.length === 4, "two calls run at each end");
    await Promise.race([sleep(LONG_MS), ends.connection.closed, ends.back.closed]);
    expect([ends.connection.isOpen, ends.back.isOpen]).toEqual([true, true]);
    ends.service.finish();
    ends.client.finish();
    expect(await Promise.all([there.callRemote("wait", "last"), back.callRemote("wait", "last")])).toEqual([
      "last",
      "last",
    ]);
  });
});

describe.each(["wait", "refuse", "close"] as const)("a ping with `overload: %s`", (overload) => {
  test("does not count as a call, and is answered while the limit of running calls is reached", async () => {
    await using ends = await open({ callsRunning: 2, overload });
    const root = await ends.connection.getRootObject();
    const calls = [root.callRemote("wait", 1), root.callRemote("wait", 2)];
    await until(() => ends.service.waiting.length === 2, "two calls run");
    for (let ping = 0; ping < 3; ping++) expect(await ends.connection.ping()).toBeGreaterThan(0);
    ends.service.finish();
    expect(await Promise.all(calls)).toEqual([1, 2]);
  });
});

test("messages without answers in both directions keep flowing, however many bytes are queued", async () => {
  await using ends = await open({});
  const [there, back] = [await ends.connection.getRootObject(), await ends.back.getRootObject()];
  const large = new Uint8Array(5e5);
  for (let sent = 0; sent < 60; sent++) for (const root of [there, back]) root.sendRemote("take", large);
  await Promise.all([there.drained(), back.drained()]);
  await until(() => ends.service.taken + ends.client.taken === 120, "all messages arrived");
});
