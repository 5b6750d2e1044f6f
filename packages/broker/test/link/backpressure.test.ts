// Backpressure: a peer that does not read its answers is not read, and two such ends never wait for each other forever.

import { expect, test, vi } from "vitest";
import { Root } from "@pb/broker";
import type { BrokerOptions } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";

class Echo extends Root {
  calls = 0;

  remote_echo(value: unknown): unknown {
    this.calls++;
    return value;
  }
}

const payload = new Uint8Array(1000);
const limits: NonNullable<BrokerOptions["limits"]> = { queuedBytes: 10_000, unsentBytes: 200_000 };

async function turns(count = 50): Promise<void> {
  for (let turn = 0; turn < count; turn++) await Promise.resolve();
}

test("stops reading calls while the peer does not read the answers", async () => {
  const root = new Echo();
  const { client, server, links } = await connectedPair({ root, limits });
  const echo = await client.getRootObject<Echo>();
  links.initiator.hold();
  const answers = Array.from({ length: 100 }, () => echo.callRemote("echo", payload));
  await turns();
  expect(root.calls).toBeGreaterThan(5);
  expect(root.calls).toBeLessThan(15);
  expect(server.queuedBytes).toBeLessThan(15_000);

  links.initiator.release();
  expect(await Promise.all(answers)).toHaveLength(100);
  expect(root.calls).toBe(100);
  expect(server.queuedBytes).toBe(0);
});

test("keeps reading answers while its own bytes are queued", async () => {
  const root = new Echo();
  const { client, server } = await connectedPair({ root, limits }, { root, limits });
  const [there, back] = [await client.getRootObject<Echo>(), await server.getRootObject<Echo>()];
  const both = Array.from({ length: 60 }, () => [
    there.callRemote("echo", payload),
    back.callRemote("echo", payload),
  ]).flat();
  expect(await Promise.all(both)).toHaveLength(120);
});

test("resumes reading when a call of its own needs an answer", async () => {
  const root = new Echo();
  const { client, server, links } = await connectedPair({ root, limits }, { root });
  const [there, back] = [await client.getRootObject<Echo>(), await server.getRootObject<Echo>()];
  links.initiator.hold();
  const answers = Array.from({ length: 120 }, () => there.callRemote("echo", payload));
  await turns();
  expect(server.stats().pausedBy).toBe("queuedBytes");
  const answer = back.callRemote("echo", "ping");
  await turns();
  expect(server.stats().pausedBy).toBeUndefined();
  links.initiator.release();
  expect(await answer).toBe("ping");
  await Promise.all(answers);
});

test("stops reading again after each time that it has waited until its messages have left", async () => {
  const root = new Echo();
  const { client, server, links } = await connectedPair({ root, limits }, { root });
  const there = await client.getRootObject<Echo>();
  for (let round = 1; round <= 3; round++) {
    links.initiator.hold();
    const answers = Array.from({ length: 120 }, () => there.callRemote("echo", payload));
    await turns();
    expect(server.stats().pausedBy).toBe("queuedBytes");
    const drained = server.drained();
    expect(server.stats().pausedBy).toBeUndefined(); // The peer may be waiting for room, too.
    await turns();
    links.initiator.release();
    await drained;
    await Promise.all(answers);
  }
});

test("closes the connection to a peer that never reads the messages sent to it", async () => {
  const { server, links } = await connectedPair({ limits });
  const back = await server.getRootObject<Echo>();
  links.initiator.hold();
  for (let turn = 0; turn < 300 && server.isOpen; turn++) {
    back.sendRemote("echo", payload);
    await Promise.resolve();
  }
  const { reason, message } = await server.closed;
  expect(reason).toBe("limit");
  expect(message).toMatch(/bytes wait for a peer that does not read, and the limit is 200000/);
});

test("returns the smoothed round-trip time after the first ping", async () => {
  const { client } = await connectedPair({});
  expect(client.latency()).toBeUndefined();
  const first = await client.ping();
  expect(client.latency()).toBe(first);
  await client.ping();
  expect(client.latency()).toBeGreaterThan(0);
});

test("does not resume the link of a connection that has ended", async () => {
  const finish: (() => void)[] = [];
  class Slow extends Root {
    async remote_wait(_value: unknown): Promise<void> {
      await new Promise<void>((resolve) => finish.push(resolve));
    }
  }
  const few = { callsRunning: 1, overload: "wait" } as const;
  const { client, server, links } = await connectedPair({ root: new Slow(), limits: few });
  const root = await client.getRootObject<Slow>();
  const pause = vi.spyOn(links.listener, "pause");
  const resume = vi.spyOn(links.listener, "resume");
  for (let call = 0; call < 100; call++) root.sendRemote("wait", payload);
  await turns();
  expect([server.stats().pausedBy, pause.mock.calls.length]).toEqual(["callsRunning", 1]);
  const closed = server.close();
  finish[0]!();
  await closed;
  await turns();
  expect([pause.mock.calls.length, resume.mock.calls.length, finish.length]).toEqual([1, 0, 1]);
});
