import { describe, expect, test } from "vitest";
import { Broker, LimitError, Referenceable, Root } from "@pb/broker";
import type { BrokerLimits, RemoteReference, RemoteError } from "@pb/broker";
import { connectedPair, linkPair } from "@pb/broker/testing";

/** Methods that finish when they are told to. */
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

  async remote_callBack(friend: RemoteReference): Promise<unknown> {
    this.started++;
    return friend.callRemote("hello");
  }
}

class Friend extends Referenceable {
  remote_hello(): string {
    return "hello";
  }
}

/** Long enough for everything that can happen: on a busy machine, a timer alone may fire before queued callbacks run. */
const moment = async (): Promise<void> => {
  await new Promise((resolve) => setTimeout(resolve, 30));
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
};

async function pair(limits: Partial<BrokerLimits>) {
  const slow = new Slow();
  const { server, client } = await connectedPair({ root: slow, limits });
  return { slow, server, client, root: await client.getRootObject<Slow>() };
}

describe("calls of the peer that are not finished", () => {
  test("wait beyond the limit until others have finished", async () => {
    const { slow, root, server, client } = await pair({ callsRunning: 3 });
    const calls = Array.from({ length: 5 }, () => root.callRemote("wait"));
    await moment();
    expect(slow.started).toBe(3);
    expect(server.stats().callsRunning).toBe(3);
    slow.finish.shift()?.();
    await moment();
    expect(slow.started).toBe(4);
    for (let left = 4; left > 0; left--) {
      slow.finish.shift()?.();
      await moment();
    }
    expect(await Promise.all(calls)).toEqual(Array(5).fill("done"));
    await Promise.all([client.close(), server.close()]);
  });

  test("are refused beyond the limit, if that is what is wanted", async () => {
    const { slow, root, client } = await pair({ callsRunning: 2, overload: "refuse" });
    const calls = Array.from({ length: 3 }, () => root.callRemote("wait"));
    const error = (await calls[2]?.catch((reason: unknown) => reason)) as RemoteError;
    expect(error.message).toBe("2 calls are running, which is the limit");
    expect(error.is("twisted.spread.pb.Error")).toBe(true);
    for (const finish of slow.finish) finish();
    expect(await Promise.all(calls.slice(0, 2))).toEqual(["done", "done"]);
    expect(client.isOpen).toBe(true);
    await client.close();
  });

  test("end the connection beyond the limit, if that is what is wanted", async () => {
    const { root, server } = await pair({ callsRunning: 1, overload: "close" });
    const calls = [root.callRemote("wait"), root.callRemote("wait")];
    const outcomes = await Promise.allSettled(calls);
    expect((await server.closed).reason).toBe("limit");
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  });

  test("never keep answers from being read: two ends at their limits still finish", async () => {
    const { root, client, server } = await pair({ callsRunning: 2 });
    const answers = await Promise.allSettled(
      Array.from({ length: 6 }, () => root.callRemote("callBack", new Friend() as never)),
    );
    expect(answers.filter(({ status }) => status === "fulfilled").length).toBeGreaterThanOrEqual(2);
    for (const answer of answers) {
      if (answer.status === "rejected") expect((answer.reason as Error).message).toMatch("calls are running");
    }
    await Promise.all([client.close(), server.close()]);
  });
});

describe("calls of ours without an answer", () => {
  test("reject beyond the limit, before anything is sent", async () => {
    const slow = new Slow();
    const { server, client } = await connectedPair({ root: slow }, { limits: { callsWaiting: 2 } });
    const root = await client.getRootObject<Slow>();
    const calls = [root.callRemote("wait"), root.callRemote("wait")];
    const error = await root.callRemote("wait").catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(LimitError);
    expect((error as LimitError).limit).toBe("callsWaiting");
    await moment();
    expect(slow.started).toBe(2);
    for (const finish of slow.finish) finish();
    await Promise.all(calls);
    await Promise.all([client.close(), server.close()]);
  });
});

describe("a flood of calls", () => {
  test("lets timers and other connections have their turn", async () => {
    const { slow, root, client, server } = await pair({ messagesPerTurn: 10 });
    for (let count = 0; count < 1000; count++) root.sendRemote("quick");
    const seen: number[] = [];
    while (slow.quick < 1000) {
      await new Promise((resolve) => setTimeout(resolve));
      seen.push(slow.quick);
    }
    // Not all at once: every look in between found some of them done.
    expect(seen.length).toBeGreaterThan(10);
    expect(seen.slice(1).every((count, index) => count - (seen[index] ?? 0) <= 40)).toBe(true);
    await Promise.all([client.close(), server.close()]);
  });
});

describe("negotiation", () => {
  test("has a time limit", async () => {
    const { listener } = linkPair();
    const server = new Broker(listener, { limits: { negotiationMs: 20 } });
    const { reason, cause } = await server.closed;
    expect(reason).toBe("negotiation");
    expect((cause as { code?: unknown }).code).toBe("PROTOCOL_NEGOTIATION_TIMEOUT");
  });
});

describe("a message that is too large", () => {
  class Big extends Root {
    remote_make(count: number): unknown {
      return Array.from({ length: count }, () => new Uint8Array(1000));
    }
  }

  test("is not sent: the call rejects, or is answered with an error, and the connection lives", async () => {
    const limits = { messageBytes: 10_000 };
    const { server, client } = await connectedPair({ root: new Big(), limits }, { limits });
    const root = await client.getRootObject<Big>();
    expect(await root.callRemote("make", 5)).toHaveLength(5);
    await expect(root.callRemote("make", 20)).rejects.toThrow("exceeds the limit of 10000: send it in pages");
    await expect(root.callRemote("make", new Array(9_000).fill(1) as never)).rejects.toThrow(LimitError);
    expect(await root.callRemote("make", 1)).toHaveLength(1);
    await Promise.all([client.close(), server.close()]);
  });

  test("names the way out for a string that no peer would take, and where it stands", async () => {
    const { server, client } = await connectedPair({ root: new Big() });
    const root = await client.getRootObject();
    const attempt = root.callRemote("make", { photo: new Uint8Array(655_361) });
    await expect(attempt).rejects.toThrow(/655361 bytes.*\(at \$\.args\[0\]\.photo\); send it in pages/);
    await Promise.all([client.close(), server.close()]);
  });
});
