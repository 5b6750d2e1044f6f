// The limits of calls and messages.

import { describe, expect, test } from "vitest";
import { LimitError, Referenceable, Root } from "@pb/broker";
import type { BrokerLimits, RemoteReference, RemoteError } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";

/** A root with methods that finish when the test says so. */
class Slow extends Root {
  readonly finish: (() => void)[] = [];
  started = 0;
  quick = 0;

  remote_wait(): Promise<string> {
    this.started++;
    return new Promise((resolve) => this.finish.push(() => resolve("done")));
  }

  remote_quick(): void {
    this.quick++;
  }

  async remote_callBack(caller: RemoteReference): Promise<unknown> {
    this.started++;
    return caller.callRemote("hello");
  }
}

class Caller extends Referenceable {
  remote_hello(): string {
    return "hello";
  }
}

async function open(limits: Partial<BrokerLimits>) {
  const slow = new Slow();
  const pair = await connectedPair({ root: slow, limits });
  const { server, client } = pair;
  return { slow, pair, server, client, root: await client.getRootObject<Slow>() };
}

describe("running calls of the peer", () => {
  test("beyond the limit wait until others have finished", async () => {
    const { slow, root, pair, server, client } = await open({ callsRunning: 3 });
    const calls = Array.from({ length: 5 }, () => root.callRemote("wait"));
    await pair.settled();
    expect(slow.started).toBe(3);
    expect(server.stats().callsRunning).toBe(3);
    slow.finish.shift()?.();
    await pair.settled();
    expect(slow.started).toBe(4);
    for (let left = 4; left > 0; left--) {
      slow.finish.shift()?.();
      await pair.settled();
    }
    expect(await Promise.all(calls)).toEqual(Array(5).fill("done"));
    await Promise.all([client.close(), server.close()]);
  });

  test("beyond the limit are rejected with `overload: refuse`", async () => {
    const { slow, root, client } = await open({ callsRunning: 2, overload: "refuse" });
    const calls = Array.from({ length: 3 }, () => root.callRemote("wait"));
    const error = (await calls[2]?.catch((reason: unknown) => reason)) as RemoteError;
    expect(error.message).toBe("Too many calls are running: the limit is 2");
    expect(error.is("twisted.spread.pb.Error")).toBe(true);
    for (const finish of slow.finish) finish();
    expect(await Promise.all(calls.slice(0, 2))).toEqual(["done", "done"]);
    expect(client.isOpen).toBe(true);
    await client.close();
  });

  test("beyond the limit close the connection with `overload: close`", async () => {
    const { root, server } = await open({ callsRunning: 1, overload: "close" });
    const calls = [root.callRemote("wait"), root.callRemote("wait")];
    const outcomes = await Promise.allSettled(calls);
    expect((await server.closed).reason).toBe("limit");
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  });

  test("at the limit do not prevent answers from being read, so that two such ends both finish", async () => {
    const { root, client, server } = await open({ callsRunning: 2 });
    const answers = await Promise.allSettled(
      Array.from({ length: 6 }, () => root.callRemote("callBack", new Caller() as never)),
    );
    expect(answers.filter(({ status }) => status === "fulfilled").length).toBeGreaterThanOrEqual(2);
    for (const answer of answers) {
      if (answer.status === "rejected") expect((answer.reason as Error).message).toMatch("calls are running");
    }
    await Promise.all([client.close(), server.close()]);
  });
});

describe("pending calls of this end", () => {
  test("beyond the limit reject before anything is sent", async () => {
    const slow = new Slow();
    const pair = await connectedPair({ root: slow }, { limits: { callsWaiting: 2 } });
    const { server, client } = pair;
    const root = await client.getRootObject<Slow>();
    const calls = [root.callRemote("wait"), root.callRemote("wait")];
    const error = await root.callRemote("wait").catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(LimitError);
    expect((error as LimitError).limit).toBe("callsWaiting");
    await pair.settled();
    expect(slow.started).toBe(2);
    for (const finish of slow.finish) finish();
    await Promise.all(calls);
    await Promise.all([client.close(), server.close()]);
  });
});

describe("many calls in one turn", () => {
  test("do not take the turns of timers and other connections", async () => {
    const { slow, root, client, server } = await open({ messagesPerTurn: 10 });
    for (let count = 0; count < 1000; count++) root.sendRemote("quick");
    const seen: number[] = [];
    while (slow.quick < 1000) {
      await new Promise((resolve) => setImmediate(resolve));
      seen.push(slow.quick);
    }
    // The calls ran in several turns of the event loop, in each of which timers and sockets have their turn.
    expect(seen.length).toBeGreaterThan(10);
    expect(seen.slice(1).every((count, index) => count - (seen[index] ?? 0) <= 40)).toBe(true);
    await Promise.all([client.close(), server.close()]);
  });
});

describe("a message that exceeds the limit", () => {
  class Big extends Root {
    remote_make(count: number): unknown {
      return Array.from({ length: count }, () => new Uint8Array(1000));
    }
  }

  test("is not sent: the call rejects at either end, and the connection stays open", async () => {
    const limits = { messageBytes: 10_000 };
    const { server, client } = await connectedPair({ root: new Big(), limits }, { limits });
    const root = await client.getRootObject<Big>();
    expect(await root.callRemote("make", 5)).toHaveLength(5);
    await expect(root.callRemote("make", 20)).rejects.toThrow("exceeds the limit of 10000: send it in parts");
    await expect(root.callRemote("make", new Array(9_000).fill(1) as never)).rejects.toThrow(LimitError);
    expect(await root.callRemote("make", 1)).toHaveLength(1);
    await Promise.all([client.close(), server.close()]);
  });

  test("rejects with the path to a string that is too long, and suggests pages", async () => {
    const { server, client } = await connectedPair({ root: new Big() });
    const root = await client.getRootObject();
    const attempt = root.callRemote("make", { photo: new Uint8Array(655_361) });
    await expect(attempt).rejects.toThrow(
      /655361 bytes.*\(at \$\.args\[0\]\.photo\); send it in parts, as a stream or in pages/,
    );
    await Promise.all([client.close(), server.close()]);
  });
});
