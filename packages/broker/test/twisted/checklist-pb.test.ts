// Twisted's own tests of PB (twisted.spread.test.test_pb, and those of test_jelly that need a connection) under the
// names that they have there, except those that make sense only in Python. `npm run checklist` puts them into a table.

import { Copyable, DeadReferenceError, kwargs, Referenceable, RemoteCopy, remoteCopy } from "@pb/broker";
import type { Kwargs, RemoteReference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { Tuple, tuple, TypeRegistry } from "@pb/jelly-types";
import { beforeAll, expect, test } from "vitest";
import { garbageCollector } from "../../../../tools/gc/garbage-collector.js";
import { settled } from "../support/raw-peer.js";
import type { CounterCopy } from "../support/checklist-desk.js";
import { Note, NoteCopy, Counter, Desk, open } from "../support/checklist-desk.js";

beforeAll(() => void garbageCollector());

const copied = (value: NoteCopy): Note => new Note(Object.fromEntries(Object.entries(value)));

// Classes

test("NewStyleTests.test_newStyle: a copy that is echoed is equal to the original and another object", async () => {
  const { desk } = await open({ again: (note: NoteCopy) => copied(note) });
  const note = new Note({ text: "original" });
  const back = (await desk.callRemote("again", note)) as NoteCopy;
  expect(back).toBeInstanceOf(NoteCopy);
  expect(back.text).toBe("original");
  expect(back).not.toBe(note);
});

test("NewStyleTests.test_newStyleWithKeywords: a copy is echoed with keyword arguments, whose names are strings", async () => {
  const { desk } = await open({
    again: (note: NoteCopy, keywords: Kwargs) => tuple(copied(note), Object.fromEntries(Object.entries(keywords))),
  });
  const answer = (await desk.callRemote("again", new Note({ text: "x" }), kwargs({ a: "b" }))) as unknown[];
  expect(answer).toBeInstanceOf(Tuple);
  expect((answer[0] as NoteCopy).text).toBe("x");
  expect({ ...(answer[1] as object) }).toEqual({ a: "b" });
});

test("NewStyleCachedTests.test_newStyleCache: the state of a Cacheable is sent once per connection", async () => {
  const counter = new Counter();
  const { pair, desk } = await open({ get: () => counter });
  const first = (await desk.callRemote("get")) as CounterCopy;
  const second = (await desk.callRemote("get")) as CounterCopy;
  expect([first.value, second.value]).toEqual(["full state", "full state"]);
  expect(pair.transcript().filter((line) => line.includes("full state"))).toHaveLength(1);
  expect(pair.transcript().at(-1)).toMatch(/^server: \(answer 2 \(cached 1\)\)$/);
});

test("NewStyleTests.test_alloc: each received copy is one new object, whose constructor does not run", async () => {
  let made = 0;
  class Made extends RemoteCopy {
    constructor() {
      super();
      made++;
    }
  }
  const root = new Desk();
  await using pair = await connectedPair({ root, types: new TypeRegistry().register(remoteCopy("test.Note", Made)) });
  const desk = await pair.client.getRootObject();
  const note = new Note({ text: "x" });
  await desk.callRemote("take", note, note);
  await desk.callRemote("take", note);
  expect(root.taken[0]).toBe(root.taken[1]);
  expect(new Set(root.taken).size).toBe(2);
  expect(made).toBe(0);
});

// Calls, references, copies, caches, paging, disconnection

test("BrokerTests.test_reference: a reference that returns to its owner is the object itself", async () => {
  class Nested extends Referenceable {
    remote_getSimple(): object {
      return simple;
    }
  }
  const nested = new Nested();
  const simple = new Nested();
  const { desk, root } = await open({ swap: (a: object, b: object) => tuple(b, a) });
  expect([...((await desk.callRemote("swap", nested, simple)) as object[])]).toEqual([simple, nested]);
  await desk.callRemote("take", nested, nested);
  const [first, second] = root.taken as RemoteReference[];
  expect(first).toBe(second);
  expect(await first!.callRemote("getSimple")).not.toBe(first);
});

test("BrokerTests.test_result: a result arrives in both directions", async () => {
  class Four extends Referenceable {
    remote_result(): number {
      return 4;
    }
  }
  const { desk } = await open({ result: () => 5, ask: (four: RemoteReference) => four.callRemote("result") });
  expect(await desk.callRemote("result")).toBe(5);
  expect(await desk.callRemote("ask", new Four())).toBe(4);
});

test("BrokerTests.test_tooManyRefs: 1024 references are allowed, more are errors, and the fourth error closes the connection", async () => {
  class Small extends Referenceable {}
  const { pair, desk } = await open({ get: () => new Small() });
  const held: unknown[] = [];
  for (let count = 0; count < 1024; count++) held.push(await desk.callRemote("get"));
  for (let violation = 1; violation <= 3; violation++) {
    await expect(desk.callRemote("get")).rejects.toThrow("Maximum PB reference count exceeded.");
  }
  await expect(desk.callRemote("get")).rejects.toThrow();
  expect(await pair.server.closed).toMatchObject({ reason: "limit" });
  expect(held).toHaveLength(1024);
});

test("BrokerTests.test_copy: integers, dicts and lists in a copy arrive", async () => {
  const { desk, root } = await open();
  await desk.callRemote("take", new Note({ x: 1, y: { Hello: "World" }, z: ["test"] }));
  expect({ ...(root.taken[0] as object) }).toEqual({ x: 1, y: { Hello: "World" }, z: ["test"] });
});

test("BrokerTests.test_observe: a reference that is passed twice is the same object", async () => {
  class Observer extends Referenceable {
    readonly seen: number[] = [];
    remote_notify(value: number): void {
      this.seen.push(value);
    }
  }
  const observers = new Set<RemoteReference>();
  const { pair, desk } = await open({
    observe: (observer: RemoteReference) => void observers.add(observer),
    unobserve: (observer: RemoteReference) => observers.delete(observer),
    notify: (value: number) => observers.forEach((observer) => observer.sendRemote("notify", value)),
  });
  const observer = new Observer();
  await desk.callRemote("observe", observer);
  await desk.callRemote("notify", 1);
  expect(await desk.callRemote("unobserve", observer)).toBe(true);
  await desk.callRemote("notify", 2);
  await pair.settled();
  expect(observer.seen).toEqual([1]);
});

test("BrokerTests.test_defer: a promise is answered when it resolves", async () => {
  let resolve!: (value: string) => void;
  const { pair, desk } = await open({
    later: () => new Promise<string>((done) => (resolve = done)).then((value) => `${value}!`),
  });
  const call = desk.callRemote("later");
  await pair.settled();
  expect(pair.server.stats().callsRunning).toBe(1);
  resolve("nested");
  expect(await call).toBe("nested!");
});

test("BrokerTests.test_refcount: a released reference is removed by the owner", async () => {
  class Nested extends Referenceable {}
  const nested = new Nested();
  const { pair, desk } = await open({ get: () => nested });
  const reference = (await desk.callRemote("get")) as RemoteReference;
  expect(pair.server.referencesTo(nested)).toBe(1);
  reference[Symbol.dispose]();
  await pair.settled();
  expect(pair.server.referencesTo(nested)).toBe(0);
  await pair.expectNothingLeft();
});

test("BrokerTests.test_cache: a cache is shared, updated, returned to its owner and released", async () => {
  const counter = new Counter();
  const { pair, desk, root } = await open({
    get: () => counter,
    twice: () => tuple(counter, counter),
    put: (object: unknown) => object === counter,
  });
  const [one, two] = (await desk.callRemote("twice")) as CounterCopy[];
  expect(one).toBe(two);
  const three = (await desk.callRemote("get")) as CounterCopy;
  expect(three).toBe(one);
  await counter.observers[0]!.callRemote("value", "changed");
  expect(one!.value).toBe("changed");
  expect(await desk.callRemote("put", one)).toBe(true);
  expect(counter.stopped).toBe(0);
  one![Symbol.dispose]();
  await pair.settled();
  expect(counter.stopped).toBe(1);
  expect(counter.observers).toEqual([]);
  const said = pair.transcript().map((line) => line.replace(/ .*\((\w+).*/, " $1"));
  expect(said).toContain("client: decache");
  expect(said).toContain("server: uncache");
  expect(root.taken).toEqual([]);
  await pair.expectNothingLeft();
});

test("BrokerTests.test_factoryCopy: a function can create the object for a copy", async () => {
  class Made {
    constructor(readonly id: number) {}
  }
  const made = new Map<number, Made>();
  const registry = new TypeRegistry().registerCopy("test.Note", Made, {
    create: (state) => {
      const id = Number(state.id);
      if (!made.has(id)) made.set(id, new Made(id));
      return made.get(id)!;
    },
  });
  const pair = await connectedPair({ root: new Desk({ get: (id: number) => new Note({ id }) }) }, { types: registry });
  const desk = await pair.client.getRootObject();
  const first = await desk.callRemote("get", 99);
  expect(first).toBeInstanceOf(Made);
  expect(await desk.callRemote("get", 99)).toBe(first);
});

test("DisconnectionTests.test_badSerialization: an argument whose state hook throws rejects the call, and nothing is sent", async () => {
  class Bad extends Copyable {
    static readonly remoteType = "test.Bad";
    override getStateToCopyFor(): never {
      throw new Error("No state for you");
    }
  }
  const { pair, desk } = await open();
  const before = pair.transcript().length;
  await expect(desk.callRemote("take", new Bad())).rejects.toThrow("No state for you");
  await pair.settled();
  expect(pair.transcript(before)).toEqual([]);
  expect(await desk.callRemote("echo", 1)).toBe(1);
});

test("DisconnectionTests.test_disconnection: each subscriber is notified of the end once", async () => {
  const { pair, desk } = await open();
  const notified: unknown[] = [];
  pair.client.notifyOnDisconnect(() => notified.push("connection"));
  desk.notifyOnDisconnect((reference) => notified.push(reference));
  pair.client.notifyOnDisconnect(() => notified.push("removed"))[Symbol.dispose]();
  desk.notifyOnDisconnect(() => notified.push("removed"))[Symbol.dispose]();
  pair.links.initiator.destroy();
  await pair.client.closed;
  await settled();
  expect(notified).toEqual(["connection", desk]);
});

// The root of a connection

test("NewCredTests.test_getRootObject: the root is a reference, whose subscribers are notified of the end", async () => {
  const { pair, desk } = await open();
  let notified = 0;
  desk.notifyOnDisconnect(() => notified++);
  expect(desk.isAlive).toBe(true);
  await pair.close();
  await settled();
  expect(notified).toBe(1);
});

test("NewCredTests.test_deadReferenceError: a call on a reference of an ended connection rejects at once", async () => {
  const { pair, desk } = await open();
  await pair.close();
  await expect(desk.callRemote("echo", 1)).rejects.toBeInstanceOf(DeadReferenceError);
});

// Tests of test_jelly

test("JellyTests.test_referenceable: an object becomes a reference with an id of its owner", async () => {
  class Thing extends Referenceable {
    remote_name(): string {
      return "thing";
    }
  }
  const thing = new Thing();
  const { pair, desk, root } = await open();
  await desk.callRemote("take", thing);
  const reference = root.taken[0] as RemoteReference;
  expect(pair.transcript().some((line) => line.includes(`(remote ${reference.id})`))).toBe(true);
  expect(pair.client.referencesTo(thing)).toBe(1);
  expect(await reference.callRemote("name")).toBe("thing");
});

/** Two notes that refer to each other. */
function circle(): Note {
  const [a, b] = [new Note({ text: "a" }), new Note({ text: "b" })];
  a.other = b;
  b.other = a;
  return a;
}

test("CircularReferenceTests.test_simpleCircle: copies that refer to each other arrive so", async () => {
  const { desk, root } = await open();
  await desk.callRemote("take", circle());
  const a = root.taken[0] as NoteCopy;
  expect((a.other as NoteCopy).text).toBe("b");
  expect((a.other as NoteCopy).other).toBe(a);
});

test("CircularReferenceTests.test_circleWithInvoker: copies that refer to each other arrive so in an answer", async () => {
  const { desk } = await open({ get: () => circle() });
  const a = (await desk.callRemote("get")) as NoteCopy;
  expect((a.other as NoteCopy).other).toBe(a);
});
