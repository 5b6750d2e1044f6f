// What real programs need in addition to what Twisted's own tests check. `npm run checklist` puts these tests into its
// table.

import { Referenceable, RemoteError } from "@pb/broker";
import { incomingGraph } from "@pb/broker/extension";
import type { KwargsOf, RemoteReference } from "@pb/broker";
import { tuple, TypeRegistry, Unpersistable } from "@pb/jelly-types";
import type { TypeHandler } from "@pb/jelly-types";
import { beforeAll, expect, test } from "vitest";
import { garbageCollector } from "../../../../tools/gc/garbage-collector.js";
import { brokerAndPeer, settled } from "../support/raw-peer.js";
import { types, Desk, open } from "../support/checklist-desk.js";

beforeAll(() => void garbageCollector());

// What real programs need in addition

test("Needed.keywordNames: names of keyword arguments may be strings, or bytes as older peers send them", async () => {
  const root = new Desk({ find: (...args: unknown[]) => (args.at(-1) as KwargsOf<{ name: number }>).name });
  const { peer } = await brokerAndPeer("listener", { root });
  await peer.send("(message 1 root find 1 (tuple) (dictionary ((unicode name) 5)))");
  await peer.send("(message 2 root find 1 (tuple) (dictionary (name 6)))");
  expect(peer.received()).toEqual(["(answer 1 5)", "(answer 2 6)"]);
});

test("Needed.vocabularyInText: a vocabulary token may stand for the bytes of a string", async () => {
  const { peer } = await brokerAndPeer("listener", { root: new Desk() });
  const hex = (text: string): string => Buffer.from(text).toString("hex");
  const parts = [
    ...["0780", "1a87", "0181", `0482${hex("root")}`, `0482${hex("echo")}`, "0181"], // (message 1 root echo 1 …
    ...["0280", "0b87", "0280", `0782${hex("unicode")}`, "1a87"], // (tuple (unicode message))
    ...["0180", "0587"], // (dictionary)
  ];
  await peer.sendBytes(Buffer.from(parts.join(""), "hex"));
  expect(peer.received()).toEqual(["(answer 1 (unicode message))"]);
});

test("Needed.unpersistable: a value that the peer could not send arrives as a placeholder, also in a state", async () => {
  const root = new Desk();
  const { peer } = await brokerAndPeer("listener", { root, types: types() });
  const state = "(dictionary ((unicode headers) (unpersistable 'no way')))";
  await peer.send(`(message 1 root take 1 (tuple (test.Note ${state})) (dictionary))`);
  expect(peer.received()).toEqual(["(answer 1 (None))"]);
  expect((root.taken[0] as { headers: unknown }).headers).toBeInstanceOf(Unpersistable);
});

test("Needed.rootComesHome: the root returns to its owner by name", async () => {
  const root = new Desk();
  const { peer } = await brokerAndPeer("listener", { root });
  await peer.send("(message 1 root take 1 (tuple (local root)) (dictionary))");
  expect(root.taken).toEqual([root]);
});

test("Needed.decrefEachTime: a reference that arrived several times is released as many times", async () => {
  class Thing extends Referenceable {}
  const thing = new Thing();
  const { pair, desk } = await open({ get: () => thing });
  const reference = (await desk.callRemote("get")) as RemoteReference;
  for (let time = 1; time < 6; time++) expect(await desk.callRemote("get")).toBe(reference);
  expect(pair.server.referencesTo(thing)).toBe(6);
  reference[Symbol.dispose]();
  await pair.settled();
  expect(pair.transcript().filter((line) => line.startsWith("client: (decref"))).toHaveLength(6);
  expect(pair.server.referencesTo(thing)).toBe(0);
});

test("Needed.failureAsArgument: an error can be an argument", async () => {
  const { desk, root } = await open();
  const error = new RemoteError({ type: "builtins.OSError", message: "full", parents: ["builtins.OSError"] });
  await desk.callRemote("take", error);
  expect(root.taken[0]).toBeInstanceOf(RemoteError);
  expect(root.taken[0]).toMatchObject({ remoteType: "builtins.OSError", message: "full" });
});

test("Needed.noAnswerWanted: a call without an answer gets none, not even an error", async () => {
  const { pair, desk } = await open();
  const before = pair.transcript().length;
  desk.sendRemote("take", 1);
  desk.sendRemote("nosuch");
  await pair.settled();
  expect(pair.transcript(before).filter((line) => line.startsWith("server:"))).toEqual([]);
});

test("Needed.keptReference: a reference that is in use is not released", async () => {
  class Thing extends Referenceable {
    remote_ping(): string {
      return "pong";
    }
  }
  const { pair, desk } = await open({ get: () => new Thing() });
  const kept = (await desk.callRemote("get")) as RemoteReference;
  for (let round = 0; round < 5; round++) {
    (globalThis as { gc?: () => void }).gc?.();
    await pair.settled();
  }
  expect(pair.transcript().some((line) => line.includes("decref"))).toBe(false);
  expect(await kept.callRemote("ping")).toBe("pong");
});

test("Needed.longSession: 14,000 calls leave no reference or call behind", { timeout: 120_000 }, async () => {
  class Thing extends Referenceable {}
  const { pair, desk } = await open({ pass: (value: unknown) => value, get: () => new Thing() });
  for (let call = 0; call < 7000; call++) {
    await desk.callRemote("pass", ["card", call, { at: tuple(1, 2) }]);
    using _thing = (await desk.callRemote("get")) as RemoteReference;
  }
  await pair.expectNothingLeft();
});

test("Needed.taggedReferences: a type of the program may contain a reference, which is counted like others", async () => {
  /** Sent by twisted.words as `(….PBGroup 7 name)`. */
  class Group {
    constructor(
      readonly reference: RemoteReference,
      readonly name: unknown,
    ) {}
  }
  const group: TypeHandler<Group> = {
    atoms: ["test.PBGroup"],
    classes: [Group],
    jelly: () => undefined,
    unjelly(unjellier, _items, atom) {
      const reference = incomingGraph(unjellier, atom).importReference(
        Number(unjellier.reader.integer()),
      ) as RemoteReference;
      return new Group(reference, unjellier.read());
    },
  };
  const root = new Desk();
  const { peer, broker } = await brokerAndPeer("listener", { root, types: new TypeRegistry().register(group) });
  await peer.send("(message 1 root take 1 (tuple (test.PBGroup 7 (unicode room))) (dictionary))");
  const { reference, name } = root.taken[0] as Group;
  expect(name).toBe("room");
  reference.sendRemote("hello");
  expect(broker.stats().referencesHeld).toBe(1);
  reference[Symbol.dispose]();
  await settled();
  expect(peer.received().slice(-2)).toEqual(["(message 1 7 hello 0 (tuple) (dictionary))", "(decref 7)"]);

  // If the rest of the message cannot be read, the reference is released.
  await peer.send("(message 2 root take 0 (tuple (test.PBGroup 8 (unicode room)) (test.Unknown)) (dictionary))");
  await settled();
  expect(peer.received().slice(-1)).toEqual(["(decref 8)"]);
  expect(broker.stats().referencesHeld).toBe(0);
});
