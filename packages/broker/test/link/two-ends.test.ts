// Two ends with any limits and any traffic never wait for each other forever: all combinations are run. The links in
// memory have no buffers beside the queue of the broker, so that an end that stops reading stops the other at once.

import { describe, expect, test } from "vitest";
import { RemoteError, Referenceable, Root } from "@pb/broker";
import type { BrokerLimits, RemoteReference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";

const payload = new Uint8Array(5000).fill(1);

class Service extends Root {
  received = 0;
  /** The same service at the other end. */
  other: RemoteReference | undefined;

  remote_take(_value: unknown): void {
    this.received++;
  }

  remote_echo(value: unknown): unknown {
    return value;
  }

  async remote_slow(value: unknown): Promise<unknown> {
    await new Promise((resolve) => setTimeout(resolve, 0));
    return value;
  }

  async remote_callBack(caller: RemoteReference, value: unknown): Promise<unknown> {
    return caller.callRemote("echo", value);
  }

  /** Each end calls the other until `depth` is 0: each call runs until the next has been answered. */
  async remote_bounce(depth: number): Promise<unknown> {
    return depth === 0 ? 0 : this.other!.callRemote("bounce", depth - 1);
  }

  /** Sends messages without answers, and waits for room after each, although the caller wants no answer either. */
  async remote_push(target: RemoteReference, count: number): Promise<void> {
    for (let left = count; left > 0; left--) {
      target.sendRemote("take", payload);
      await target.drained();
    }
    target.sendRemote("ended");
  }
}

class Target extends Referenceable {
  readonly ended: Promise<void>;
  #end!: () => void;

  constructor() {
    super();
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }

  remote_echo(value: unknown): unknown {
    return value;
  }

  remote_take(): void {}

  remote_ended(): void {
    this.#end();
  }
}

/** What one end does to the other. Resolves when all of it is done. */
type Traffic = (root: RemoteReference, peer: Service) => Promise<unknown>;

const times = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make);

const traffics: Readonly<Record<string, Traffic>> = {
  "messages without answers": async (root, peer) => {
    for (let sent = 0; sent < 40; sent++) root.sendRemote("take", payload);
    await root.drained();
    while (peer.received < 40) await new Promise((resolve) => setTimeout(resolve, 0));
  },
  calls: (root) => Promise.all(times(40, () => root.callRemote("echo", payload))),
  "calls that take time": (root) => Promise.all(times(30, () => root.callRemote("slow", payload))),
  "calls that call back": (root) => Promise.all(times(20, () => root.callRemote("callBack", new Target(), payload))),
  "calls within calls": (root) => Promise.all(times(5, () => root.callRemote("bounce", 6))),
  "transfers without answers": async (root) => {
    const targets = times(3, () => new Target());
    for (const target of targets) root.sendRemote("push", target, 20);
    await Promise.all(targets.map(({ ended }) => ended));
  },
  nothing: () => Promise.resolve(),
};

const limitsOf: readonly Partial<BrokerLimits>[] = [1, 2, 10_000].flatMap((callsRunning) =>
  [100, 20_000].map((queuedBytes) => ({ callsRunning, queuedBytes, messagesPerTurn: 16 })),
);

/** Runs both traffics at the same time. Returns how the two went. */
async function run(ours: Traffic, theirs: Traffic, server: Partial<BrokerLimits>, client: Partial<BrokerLimits>) {
  const [one, two] = [new Service(), new Service()];
  const pair = await connectedPair({ root: one, limits: server }, { root: two, limits: client }, { isRecorded: false });
  const [there, back] = [await pair.client.getRootObject(), await pair.server.getRootObject()];
  [two.other, one.other] = [there, back];
  const outcomes = await Promise.allSettled([ours(there, one), theirs(back, two)]);
  expect([pair.client.isOpen, pair.server.isOpen]).toEqual([true, true]);
  await pair.close();
  return outcomes;
}

const names = Object.keys(traffics);
const pairs = names.flatMap((ours, index) => names.slice(index).map((theirs) => [ours, theirs] as const));

describe.each(pairs)("%s, and %s the other way", (ours, theirs) => {
  test("all finish, with every combination of limits", async () => {
    for (const server of limitsOf)
      for (const client of [server, limitsOf[0]!, limitsOf.at(-1)!])
        for (const outcome of await run(traffics[ours]!, traffics[theirs]!, server, client))
          expect({ server, client, outcome }).toMatchObject({ outcome: { status: "fulfilled" } });
  });

  test("all finish or are refused, where calls over the limit are refused", async () => {
    for (const limits of limitsOf.map((limit) => ({ ...limit, overload: "refuse" as const }))) {
      // Without answers, a refused transfer would not be noticed.
      if (`${ours} ${theirs}`.includes("transfers") && limits.callsRunning! < 10) continue;
      for (const outcome of await run(traffics[ours]!, traffics[theirs]!, limits, limits))
        if (outcome.status === "rejected") expect(outcome.reason).toBeInstanceOf(RemoteError);
    }
  });
});
