// State hooks that use other connections with the same options, which share the objects that write and read values.

import { Broker, Copyable, Referenceable, RemoteCopy, remoteCopy, Root } from "@pb/broker";
import type { BrokerEvent, BrokerLimits, RemoteReference } from "@pb/broker";
import { BrokerConfig } from "@pb/broker/extension";
import type { Link, LinkReceiver } from "@pb/broker/extension";
import { linkPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";
import { expect, onTestFinished, test } from "vitest";

/** Delivers what is sent within `send`, as the links of some tests and workers do. */
class DirectLink implements Link {
  readonly peer = { description: "direct", isEncrypted: true };
  readonly queuedBytes = 0;
  other!: DirectLink;
  #receiver: LinkReceiver | undefined;
  #early: Uint8Array[] = [];

  constructor(readonly role: "listener" | "initiator") {}

  start(receiver: LinkReceiver): void {
    this.#receiver = receiver;
    for (const bytes of this.#early.splice(0)) receiver.received(bytes);
  }

  send(bytes: Uint8Array): void {
    this.other.#take(bytes.slice());
  }

  #take(bytes: Uint8Array): void {
    if (this.#receiver === undefined) this.#early.push(bytes);
    else this.#receiver.received(bytes);
  }

  close(): void {
    this.destroy();
  }

  destroy(): void {
    queueMicrotask(() => {
      this.#receiver?.lost();
      this.other.#receiver?.lost();
    });
  }

  pause(): void {}
  resume(): void {}
}

function directPair(): { listener: DirectLink; initiator: DirectLink } {
  const [listener, initiator] = [new DirectLink("listener"), new DirectLink("initiator")];
  listener.other = initiator;
  initiator.other = listener;
  return { listener, initiator };
}

/** A copy whose hook runs `whenWritten` before its state is written. */
class Sample extends Copyable {
  static readonly remoteType = "test.Sample";
  constructor(
    readonly label: string,
    readonly whenWritten: () => unknown = () => undefined,
  ) {
    super();
  }
  override getStateToCopyFor(): object {
    this.whenWritten();
    const shared = [this.label];
    return { label: this.label, both: [shared, shared] };
  }
}

/** What is received of it. Runs `whenRead` when its state is set. */
class ReceivedSample extends RemoteCopy {
  static whenRead: (sample: ReceivedSample) => void = () => undefined;
  declare label: string;
  declare both: unknown[];

  override setCopyableState(state: object): void {
    super.setCopyableState(state);
    ReceivedSample.whenRead(this);
  }
}

class Named extends Referenceable {
  constructor(readonly label: string) {
    super();
  }

  remote_label(): string {
    return this.label;
  }
}

class Store extends Root {
  readonly received: unknown[] = [];

  remote_put(...values: unknown[]): number {
    this.received.push(...values);
    return values.length;
  }
}

interface Opened {
  readonly client: Broker;
  readonly server: Broker;
  readonly store: Store;
  readonly root: RemoteReference<Store>;
}

/** Connections whose clients share their options, and whose servers do. */
async function open(
  count: number,
  pairOfLinks: () => { listener: Link; initiator: Link } = linkPair,
  limits: Partial<BrokerLimits> = {},
) {
  const stores: Store[] = [];
  const events: [BrokerEvent, unknown][] = [];
  const types = new TypeRegistry();
  types.register(remoteCopy("test.Sample", ReceivedSample));
  const root = { rootObject: () => stores[stores.push(new Store()) - 1]! };
  const serverConfig = new BrokerConfig({ root, types, limits, onEvent: (event, who) => events.push([event, who]) });
  const clientConfig = new BrokerConfig({});
  const opened: Opened[] = [];
  for (let index = 0; index < count; index++) {
    const { listener, initiator } = pairOfLinks();
    const server = new Broker(listener, serverConfig);
    const client = new Broker(initiator, clientConfig);
    await Promise.all([server.ready, client.ready]);
    opened.push({ client, server, store: stores[index]!, root: await client.getRootObject<Store>() });
  }
  onTestFinished(() => {
    ReceivedSample.whenRead = () => undefined;
    for (const { client, server } of opened) for (const broker of [client, server]) broker.terminate("closed");
  });
  return { connections: opened, events };
}

const plain = (label: string) => ({ label, both: [[label], [label]] });

test("a state hook may send messages over other connections, whose hooks do the same", async () => {
  const { connections } = await open(3);
  const [a, b, c] = connections as [Opened, Opened, Opened];
  const inner: Promise<unknown>[] = [];
  const innermost = new Sample("c");
  const nested = new Sample("b", () => inner.push(c.root.callRemote("put", innermost, innermost)));
  const outer = new Sample("a", () => inner.push(b.root.callRemote("put", "before", nested, nested)));
  expect(await a.root.callRemote("put", outer, [1, 2], outer)).toBe(3);
  expect(await Promise.all(inner)).toEqual([2, 3]);
  expect(a.store.received).toMatchObject([plain("a"), [1, 2], plain("a")]);
  expect(a.store.received[0]).toBe(a.store.received[2]);
  expect(b.store.received).toMatchObject(["before", plain("b"), plain("b")]);
  expect(c.store.received[0]).toBe(c.store.received[1]);
  const { both } = c.store.received[0] as ReceivedSample;
  expect(both[0]).toBe(both[1]);
});

test.each<[string, (own: Opened, other: Opened) => unknown]>([
  [
    "throws after it has called",
    () => {
      throw new TypeError("no state");
    },
  ],
  ["closes its own connection", (own) => own.client.close()],
  ["ends its own connection", (own) => own.client.terminate("closed")],
  ["ends the other connection", (_, other) => other.client.terminate("closed")],
])("a state hook that uses another connection and %s does not harm a third one", async (_, end) => {
  const { connections } = await open(3);
  const [own, other, third] = connections as [Opened, Opened, Opened];
  const calls: Promise<unknown>[] = [];
  const sample = new Sample("own", () => {
    for (const { root } of [other, third]) calls.push(root.callRemote("put", new Sample("other"), new Named("named")));
    end(own, other);
  });
  await Promise.allSettled([own.root.callRemote("put", "first", sample, sample)]);
  await Promise.allSettled(calls);
  expect(third.store.received).toMatchObject([plain("other"), {}]);
  expect(await third.root.callRemote("put", new Sample("next"))).toBe(1);
  expect(third.store.received[2]).toMatchObject(plain("next"));
  expect(third.client.stats().referencesGiven, "each object was counted once").toBe(1);
});

test("a hook may let messages of other connections arrive while its own message is read", async () => {
  const { connections } = await open(3, directPair);
  const [a, b, c] = connections as [Opened, Opened, Opened];
  const calls: Promise<unknown>[] = [];
  const nextOf = new Map([
    ["a", { target: b, label: "b" }],
    ["b", { target: c, label: "c" }],
  ]);
  ReceivedSample.whenRead = ({ label }) => {
    const next = nextOf.get(label);
    nextOf.delete(label);
    if (next === undefined) return;
    calls.push(next.target.root.callRemote("put", new Sample(next.label), new Named(next.label)));
    void next.target.client.drained(); // Delivers it.
  };
  const first = new Sample("a");
  expect(await a.root.callRemote("put", first, new Named("a"), first)).toBe(3);
  expect(await Promise.all(calls)).toEqual([2, 2]);
  expect(a.store.received[0]).toBe(a.store.received[2]);
  for (const [{ store }, label] of [
    [a, "a"],
    [b, "b"],
    [c, "c"],
  ] as const) {
    expect(store.received[0]).toMatchObject(plain(label));
    expect(await (store.received[1] as RemoteReference<Named>).callRemote("label")).toBe(label);
  }
});

test("the values after a hook that another message was read in are charged to their own connection", async () => {
  const { connections } = await open(2, directPair, { messageHeapBytes: 100_000 });
  const [a, b] = connections as [Opened, Opened];
  const calls: Promise<unknown>[] = [];
  ReceivedSample.whenRead = ({ label }) => {
    if (label !== "a") return;
    calls.push(b.root.callRemote("put", new Sample("b")));
    void b.client.drained(); // Delivers it.
  };
  const values = Array.from({ length: 3_000 }, () => ({}));
  await Promise.allSettled([a.root.callRemote("put", new Sample("a"), values)]);
  expect(a.server.ended?.reason).toMatchObject({ reason: "limit", cause: { limit: "messageHeapBytes" } });
  expect(await Promise.all(calls)).toEqual([1]);
  expect(b.server.isOpen).toBe(true);
});

test("dropped entries are reported for the connection whose message is read", async () => {
  const { connections, events } = await open(2);
  const [a, b] = connections as [Opened, Opened];
  await a.root.callRemote("put", new Sample("a"));
  class Odd extends Sample {
    override getStateToCopyFor(): object {
      return { label: "b", setCopyableState: 1 };
    }
  }
  await b.root.callRemote("put", new Odd("b"));
  const dropped = events.filter(([event]) => event.kind === "state-dropped");
  expect(dropped.map(([, connection]) => connection)).toEqual([b.server]);
});
