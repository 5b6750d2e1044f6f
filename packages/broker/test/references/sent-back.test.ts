// Arguments that the peer sends back as the result of the same call, after it has released them, as stock Twisted does.

import { Cacheable, Referenceable, UnknownCacheError } from "@pb/broker";
import { expect, test } from "vitest";
import { brokerAndPeer, rejection } from "../support/raw-peer.js";

class Thing extends Referenceable {
  released = 0;

  override unreferenced(): void {
    this.released++;
  }
}

class Counter extends Cacheable {
  static readonly remoteType = "test.Counter";
  stopped = 0;

  getStateToCacheAndObserveFor(): unknown {
    return 1;
  }

  override stoppedObserving(): void {
    this.stopped++;
  }
}

async function open() {
  const { broker, peer } = await brokerAndPeer("initiator");
  peer.received();
  return { broker, peer, root: await broker.getRootObject() };
}

test("an object that was released before the answer arrives as itself, and is released once", async () => {
  const { broker, peer, root } = await open();
  const thing = new Thing();
  const calls = [root.callRemote("echo", thing), root.callRemote("echo", [thing, thing])];
  await peer.send("(decref 1)", "(decref 1)", "(decref 1)");
  expect(thing.released).toBe(1);
  expect(broker.stats().referencesGiven).toBe(0);
  await peer.send("(answer 2 (list (local 1) (local 1)))", "(answer 1 (local 1))");
  expect(await Promise.all(calls)).toEqual([thing, [thing, thing]]);
  // The answers are read: the id means nothing anymore.
  const late = root.callRemote("echo", 1);
  await peer.send("(answer 3 (local 1))");
  expect(await late).toBeNull();
  await broker.close();
});

test("a cached object that was released before the answer arrives as itself", async () => {
  const { broker, peer, root } = await open();
  const counter = new Counter();
  const call = root.callRemote("echo", counter);
  await peer.send("(decache 1)", "(answer 1 (lcache 1))");
  expect(await call).toBe(counter);
  expect(counter.stopped).toBe(1);
  const late = rejection(root.callRemote("echo", 1));
  await peer.send("(answer 2 (lcache 1))");
  expect(await late).toBeInstanceOf(UnknownCacheError);
  await broker.close();
});

test("nothing is kept for a call without an answer, or for one that cannot be sent", async () => {
  const { broker, peer, root } = await open();
  const thing = new Thing();
  root.sendRemote("take", thing);
  await expect(root.callRemote("take", thing, () => 1)).rejects.toThrow("cannot be sent");
  await peer.send("(decref 1)");
  const call = root.callRemote("echo", 1);
  await peer.send("(answer 2 (local 1))");
  expect(await call).toBeNull();
  await broker.close();
});
