// The connected pair that the tests of this package and of its users rely on.

import { expect, test } from "vitest";
import { Broker, Referenceable, Root } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { connectedPair, linkPair } from "@pb/broker/testing";
import { garbageCollector } from "../../../../tools/gc/garbage-collector.js";

class Thing extends Referenceable {
  remote_name(): string {
    return "thing";
  }
}

class Shop extends Root {
  readonly thing = new Thing();
  kept: unknown;

  remote_thing(): Thing {
    return this.thing;
  }

  remote_keep(thing: unknown): void {
    this.kept = thing;
  }

  remote_never(): Promise<never> {
    return new Promise(() => undefined);
  }

  remote_echo(value: unknown): unknown {
    return value;
  }
}

test("returns the transcript in order, one message per line", async () => {
  for (const chunkBytes of [Infinity, 1]) {
    await using pair = await connectedPair({ root: new Shop() }, {}, { chunkBytes });
    const shop = await pair.client.getRootObject<Shop>();
    await pair.settled();
    expect(pair.transcript()).toEqual([
      "server: (pb none)",
      "client: pb",
      "client: (version 6)",
      "server: (version 6)",
    ]);
    await shop.callRemote("echo", "hi");
    expect(pair.transcript(4)).toEqual([
      "client: (message 1 root echo 1 (tuple (unicode hi)) (dictionary))",
      "server: (answer 1 (unicode hi))",
    ]);
  }
});

test("lists what both ends have not released", async () => {
  const root = new Shop();
  await using pair = await connectedPair({ root });
  const shop = await pair.client.getRootObject<Shop>();
  await pair.expectNothingLeft();
  const thing = await shop.callRemote("thing");
  shop.callRemote("never").catch(() => undefined);
  await expect(pair.expectNothingLeft()).rejects.toThrow(
    [
      "Not released:",
      "  the server: 1 objects referenced by the peer",
      "  the server: 1 running calls",
      "  the client: 1 references to objects of the peer",
      "  the client: 1 pending calls",
    ].join("\n"),
  );
  thing[Symbol.dispose]();
  await pair.settled();
  expect(pair.leftovers()).toEqual(["  the server: 1 running calls", "  the client: 1 pending calls"]);
});

test("collects dropped references if the garbage collector is exposed", async () => {
  garbageCollector();
  await using pair = await connectedPair({ root: new Shop() });
  const shop = await pair.client.getRootObject<Shop>();
  expect(await (await shop.callRemote("thing")).callRemote("name")).toBe("thing");
  await pair.expectNothingLeft();
});

test("holds messages back at either end", async () => {
  const root = new Shop();
  await using pair = await connectedPair({ root });
  const shop = await pair.client.getRootObject<Shop>();
  pair.links.listener.hold();
  shop.sendRemote("keep", 1);
  await pair.settled();
  expect(root.kept).toBeUndefined();
  pair.links.listener.release();
  await pair.settled();
  expect(root.kept).toBe(1);

  pair.links.initiator.hold();
  let answer: unknown;
  void shop.callRemote("echo", 2).then((value) => (answer = value));
  await pair.settled();
  expect(answer).toBeUndefined();
  pair.links.initiator.release();
  await pair.settled();
  expect(answer).toBe(2);
});

test("cuts the connection and drops the messages in flight", async () => {
  const root = new Shop();
  const pair = await connectedPair({ root });
  const shop: RemoteReference<Shop> = await pair.client.getRootObject<Shop>();
  pair.links.listener.hold();
  const call = shop.callRemote("echo", 1);
  const cause = new Error("cable unplugged");
  pair.links.listener.cut(cause);
  await expect(call).rejects.toMatchObject({ reason: "lost", cause });
  expect(await pair.server.closed).toMatchObject({ reason: "lost", cause });
  await expect(pair.expectNothingLeft()).rejects.toThrow("The connection has ended");
});

test("tells a broker that starts after its link was cut", async () => {
  const cause = new Error("cable unplugged");
  for (const startsSoon of [true, false]) {
    const { initiator, listener } = linkPair();
    listener.cut(cause);
    if (!startsSoon) await new Promise((resolve) => setTimeout(resolve));
    const brokers = [initiator, listener].map((link) => new Broker(link, { root: new Shop() }));
    for (const broker of brokers) expect(await broker.closed).toMatchObject({ reason: "lost", cause });
  }
});

test("passes bytes with a buffer of their own to a link that does not take views", async () => {
  const pair = await connectedPair({ root: new Shop() });
  const shop = await pair.client.getRootObject<Shop>();
  await Promise.all([1, 2, 3].map((value) => shop.callRemote("echo", value)));
  await shop.callRemote("echo", 4);
  expect(pair.links.listener.traffic.map(({ bytes }) => bytes.buffer.byteLength - bytes.length)).toEqual(
    pair.links.listener.traffic.map(() => 0),
  );
});
