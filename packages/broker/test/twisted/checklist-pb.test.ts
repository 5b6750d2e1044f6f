/**
 * What Twisted's own tests of PB check (twisted.spread.test.test_pb, and two of test_jelly that need a connection) and what makes sense outside
 * Python, by the names they have there; and what real programs need besides. `npm run checklist` puts them into a table.
 */
import {
  asLocal,
  Cacheable,
  Copyable,
  DeadReferenceError,
  getAllPages,
  kwargs,
  MemoryStore,
  PageCollector,
  pagesOf,
  Publishable,
  Referenceable,
  RemoteCache,
  remoteCache,
  RemoteCopy,
  remoteCopy,
  RemoteError,
  RemotePublished,
  remotePublished,
  Root,
  sendPages,
} from "@pb/broker";
import { BrokerConfig, incomingGraph } from "@pb/broker/extension";
import type { CacheObserver, Kwargs, KwargsOf, Perspective, RemoteReference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { SecurityPolicy, Tuple, tuple, TypeRegistry, Unpersistable } from "@pb/jelly-types";
import type { TypeHandler } from "@pb/jelly-types";
import { beforeAll, expect, test } from "vitest";
import { garbageCollector } from "../../../../tools/gc/garbage-collector.js";
import { brokerAndPeer, rejection, settled } from "../support/raw-peer.js";

beforeAll(() => void garbageCollector());

class Note extends Copyable {
  static readonly remoteType = "test.Note";
  [name: string]: unknown;

  constructor(state: object) {
    super();
    Object.assign(this, state);
  }
}

/** What arrives of a note goes out as a note again. */
class NoteCopy extends RemoteCopy {
  declare text: string;
  declare other: unknown;
}

class Counter extends Cacheable {
  static readonly remoteType = "test.Counter";
  readonly observers: CacheObserver[] = [];
  stopped = 0;

  constructor(readonly value = "full state") {
    super();
  }

  override getStateToCacheAndObserveFor(_perspective: Perspective, observer: CacheObserver): object {
    this.observers.push(observer);
    return { value: this.value };
  }

  override stoppedObserving(_perspective: Perspective, observer: CacheObserver): void {
    this.stopped++;
    this.observers.splice(this.observers.indexOf(observer), 1);
  }
}

class CounterCopy extends RemoteCache {
  declare value: string;

  observe_value(value: string): void {
    this.value = value;
  }
}

const types = (): TypeRegistry =>
  new TypeRegistry().register(remoteCopy("test.Note", NoteCopy)).register(remoteCache("test.Counter", CounterCopy));

/** Does with its calls what the test says. */
class Desk extends Root {
  readonly taken: unknown[] = [];

  constructor(readonly answers: Readonly<Record<string, (...args: any[]) => unknown>> = {}) {
    super();
  }

  override receiveCall(call: { method: string; args: unknown[]; kwargs: Kwargs | undefined }): unknown {
    const answer = this.answers[call.method];
    return answer === undefined ? super.receiveCall(call) : answer(...call.args, call.kwargs);
  }

  remote_take(...values: unknown[]): void {
    this.taken.push(...values);
  }

  remote_echo<T>(value: T): T {
    return value;
  }
}

/** A desk and a connection to it. */
async function open(answers: Desk["answers"] = {}) {
  const root = new Desk(answers);
  const pair = await connectedPair({ root, types: types() }, { types: types() });
  return { root, pair, desk: await pair.client.getRootObject() };
}

const copied = (value: NoteCopy): Note => new Note(Object.fromEntries(Object.entries(value)));

// Classes

test("NewStyleTests.test_newStyle: a copy that is sent and echoed is equal, and another object", async () => {
  const { desk } = await open({ again: (note: NoteCopy) => copied(note) });
  const note = new Note({ text: "original" });
  const back = (await desk.callRemote("again", note)) as NoteCopy;
  expect(back).toBeInstanceOf(NoteCopy);
  expect(back.text).toBe("original");
  expect(back).not.toBe(note);
});

test("NewStyleTests.test_newStyleWithKeywords: so is one in keyword arguments, whose names are text", async () => {
  const { desk } = await open({
    again: (note: NoteCopy, keywords: Kwargs) => tuple(copied(note), Object.fromEntries(Object.entries(keywords))),
  });
  const answer = (await desk.callRemote("again", new Note({ text: "x" }), kwargs({ a: "b" }))) as unknown[];
  expect(answer).toBeInstanceOf(Tuple);
  expect((answer[0] as NoteCopy).text).toBe("x");
  expect({ ...(answer[1] as object) }).toEqual({ a: "b" });
});

test("NewStyleCachedTests.test_newStyleCache: the state of a Cacheable travels once over a connection", async () => {
  const counter = new Counter();
  const { pair, desk } = await open({ get: () => counter });
  const first = (await desk.callRemote("get")) as CounterCopy;
  const second = (await desk.callRemote("get")) as CounterCopy;
  expect([first.value, second.value]).toEqual(["full state", "full state"]);
  expect(pair.transcript().filter((line) => line.includes("full state"))).toHaveLength(1);
  expect(pair.transcript().at(-1)).toMatch(/^server: \(answer 2 \(cached 1\)\)$/);
});

test("NewStyleTests.test_alloc: each receipt makes one object, whose constructor does not run", async () => {
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

test("BrokerTests.test_reference: references that come home are the objects they refer to", async () => {
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

test("BrokerTests.test_result: a result arrives, in both directions", async () => {
  class Four extends Referenceable {
    remote_result(): number {
      return 4;
    }
  }
  const { desk } = await open({ result: () => 5, ask: (four: RemoteReference) => four.callRemote("result") });
  expect(await desk.callRemote("result")).toBe(5);
  expect(await desk.callRemote("ask", new Four())).toBe(4);
});

test("BrokerTests.test_tooManyRefs: there may be 1024 references; more are errors, and the fourth error ends the connection", async () => {
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

test("BrokerTests.test_copy: ints, dicts and lists in a copy arrive", async () => {
  const { desk, root } = await open();
  await desk.callRemote("take", new Note({ x: 1, y: { Hello: "World" }, z: ["test"] }));
  expect({ ...(root.taken[0] as object) }).toEqual({ x: 1, y: { Hello: "World" }, z: ["test"] });
});

test("BrokerTests.test_observe: a reference that is passed twice is recognised", async () => {
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

test("BrokerTests.test_defer: a result that comes later is the answer", async () => {
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

test("BrokerTests.test_refcount: a reference that is dropped is forgotten by the owner", async () => {
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

test("BrokerTests.test_cache: caches are shared, updated, brought home, and dropped, and nothing is left", async () => {
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

test("BrokerTests.test_publishable: a published state is fetched once, and found up to date over the next connection", async () => {
  class Page extends Publishable {
    static readonly remoteType = "test.Page";
    fetched = 0;
    override getStateToPublishFor(): object {
      this.fetched++;
      return { title: "first" };
    }
  }
  class PageCopy extends RemotePublished {
    declare title: string;
  }
  const page = new Page("id");
  const store = new MemoryStore();
  const registry = new TypeRegistry().register(remotePublished("test.Page", PageCopy, store));
  const get = async () => {
    const pair = await connectedPair({ root: new Desk({ get: () => page }) }, { types: registry });
    const copy = (await (await pair.client.getRootObject()).callRemote("get")) as PageCopy;
    await copy.activated;
    await pair.close();
    return [copy.title, copy.wasKept, page.fetched];
  };
  expect(await get()).toEqual(["first", false, 1]);
  expect(await get()).toEqual(["first", true, 1]);
});

test("BrokerTests.test_factoryCopy: what takes a copy may be made by a function", async () => {
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

const data = new Uint8Array(500).map((_, index) => index % 251);

/** Sends pages to whoever asks, and counts how often it was done. */
async function pager(pages: () => Iterable<unknown> | AsyncIterable<unknown>) {
  let done = 0;
  const { pair, desk } = await open({
    getPages: (collector: RemoteReference<never>) => {
      void sendPages(collector as never, pages()).then(() => done++);
    },
  });
  return { pair, desk, done: () => done };
}

test("PagingTests.test_pagingWithCallback: a string comes in pages, and who sends them knows when it is done", async () => {
  const { pair, desk, done } = await pager(() => pagesOf(data, 100));
  const pages = (await getAllPages(desk, "getPages")) as Uint8Array[];
  expect(pages.map((page) => page.length)).toEqual([100, 100, 100, 100, 100]);
  expect(Buffer.concat(pages)).toEqual(Buffer.from(data));
  await pair.settled();
  expect(done()).toBe(1);
  const said = pair.transcript().filter((line) => line.startsWith("server: (message"));
  expect(said.slice(0, 5).every((line) => line.includes(" gotPage 0 "))).toBe(true);
  expect(said.at(-1)).toMatch(/ endedPaging /);
});

test("PagingTests.test_pagingWithoutCallback: nobody need wait for that", async () => {
  const { desk } = await open({
    getPages: (collector: RemoteReference<never>) => void sendPages(collector as never, pagesOf(data, 100)),
  });
  expect(await getAllPages(desk, "getPages")).toHaveLength(5);
});

test("PagingTests.test_emptyFilePaging: a file without contents has no pages, and ends", async () => {
  async function* empty(): AsyncGenerator<Uint8Array> {}
  const { desk } = await pager(empty);
  expect(await getAllPages(desk, "getPages")).toEqual([]);
});

async function* file(chunks = 5): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < chunks * 100; start += 100) yield data.subarray(start, start + 100);
}

test("PagingTests.test_filePagingWithCallback: a file comes in pages that nobody keeps", async () => {
  const { pair, desk, done } = await pager(() => file());
  const collector = new PageCollector();
  await desk.callRemote("getPages", collector);
  const pages: unknown[] = [];
  for await (const page of collector) pages.push(page);
  expect(Buffer.concat(pages as Uint8Array[])).toEqual(Buffer.from(data));
  await pair.settled();
  expect(done()).toBe(1);
  await pair.expectNothingLeft();
});

test("PagingTests.test_filePagingWithoutCallback: nobody need wait for that either", async () => {
  const { desk } = await open({
    getPages: (collector: RemoteReference<never>) => void sendPages(collector as never, file()),
  });
  expect(Buffer.concat((await getAllPages(desk, "getPages")) as Uint8Array[])).toEqual(Buffer.from(data));
});

test("DisconnectionTests.test_badSerialization: an argument whose state cannot be had fails that call, and nothing is sent", async () => {
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

test("DisconnectionTests.test_disconnection: who wants to hear of the end hears of it once", async () => {
  const { pair, desk } = await open();
  const heard: unknown[] = [];
  pair.client.notifyOnDisconnect(() => heard.push("connection"));
  desk.notifyOnDisconnect((reference) => heard.push(reference));
  pair.client.notifyOnDisconnect(() => heard.push("removed"))[Symbol.dispose]();
  desk.notifyOnDisconnect(() => heard.push("removed"))[Symbol.dispose]();
  pair.links.initiator.destroy();
  await pair.client.closed;
  await settled();
  expect(heard).toEqual(["connection", desk]);
});

// A connection's root

test("NewCredTests.test_getRootObject: the root is a reference, and hears of the end", async () => {
  const { pair, desk } = await open();
  let heard = 0;
  desk.notifyOnDisconnect(() => heard++);
  expect(desk.isAlive).toBe(true);
  await pair.close();
  await settled();
  expect(heard).toBe(1);
});

test("NewCredTests.test_deadReferenceError: a call on a reference of a lost connection fails at once", async () => {
  const { pair, desk } = await open();
  await pair.close();
  await expect(desk.callRemote("echo", 1)).rejects.toBeInstanceOf(DeadReferenceError);
});

// Util and security options

test("SpreadUtilTests.test_async: a local object can be called as a remote one: by promises", async () => {
  using local = asLocal<any>(new Desk({ add: (a: number, b: number) => a + b }));
  expect(await local.callRemote("add", 1, 2)).toBe(3);
});

test("SpreadUtilTests.test_asyncFail: ... which reject when the method throws", async () => {
  using local = asLocal<any>(
    new Desk({
      fail: () => {
        throw new Error("no");
      },
    }),
  );
  await expect(local.callRemote("fail")).rejects.toThrow("no");
});

test("SpreadUtilTests.test_remoteMethod: one method of it can be had as a function", async () => {
  using local = asLocal<any>(new Desk({ add: (a: number, b: number) => a + b }));
  const { add } = local.call;
  expect(await add!(1, 2)).toBe(3);
});

const refused = ["set", "frozenset"];
const strict = SecurityPolicy.standard.refuseTypes(...refused);

test("PBWithSecurityOptionsTests.test_clientDefaultSecurityOptions: a client has the default policy", async () => {
  expect(new BrokerConfig().policy).toBeUndefined();
  const { desk } = await open({ get: () => new Set([1]) });
  expect(await desk.callRemote("get")).toEqual(new Set([1]));
});

test("PBWithSecurityOptionsTests.test_serverDefaultSecurityOptions: a server has the default policy", async () => {
  const { desk, root } = await open();
  await desk.callRemote("take", new Set([1]));
  expect(root.taken).toEqual([new Set([1])]);
});

test("PBWithSecurityOptionsTests.test_clientSecurityCustomization: a client's policy decides what it reads", async () => {
  const pair = await connectedPair({ root: new Desk({ get: () => new Set([1]) }) }, { policy: strict });
  const desk = await pair.client.getRootObject();
  await expect(desk.callRemote("get")).rejects.toMatchObject({ name: "InsecureJellyError" });
});

test("PBWithSecurityOptionsTests.test_serverSecurityCustomization: a server's policy decides what it reads", async () => {
  const pair = await connectedPair({ root: new Desk(), policy: strict });
  const desk = await pair.client.getRootObject();
  const error = (await rejection(desk.callRemote("take", new Set([1])))) as RemoteError;
  expect(error.remoteType).toBe("twisted.spread.jelly.InsecureJelly");
});

// Of test_jelly

test("JellyTests.test_referenceable: an object becomes a reference, by a number of the table of its owner", async () => {
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

/** Two notes that point at each other. */
function circle(): Note {
  const [a, b] = [new Note({ text: "a" }), new Note({ text: "b" })];
  a.other = b;
  b.other = a;
  return a;
}

test("CircularReferenceTests.test_simpleCircle: two copies that point at each other still do", async () => {
  const { desk, root } = await open();
  await desk.callRemote("take", circle());
  const a = root.taken[0] as NoteCopy;
  expect((a.other as NoteCopy).text).toBe("b");
  expect((a.other as NoteCopy).other).toBe(a);
});

test("CircularReferenceTests.test_circleWithInvoker: also in an answer, for whoever is asking", async () => {
  const { desk } = await open({ get: () => circle() });
  const a = (await desk.callRemote("get")) as NoteCopy;
  expect((a.other as NoteCopy).other).toBe(a);
});

// What real programs need besides

test("Needed.keywordNames: names of keyword arguments may be text, and bytes from older peers", async () => {
  const root = new Desk({ find: (...args: unknown[]) => (args.at(-1) as KwargsOf<{ name: number }>).name });
  const { peer } = await brokerAndPeer("listener", { root });
  await peer.say("(message 1 root find 1 (tuple) (dictionary ((unicode name) 5)))");
  await peer.say("(message 2 root find 1 (tuple) (dictionary (name 6)))");
  expect(peer.heard()).toEqual(["(answer 1 5)", "(answer 2 6)"]);
});

test("Needed.vocabularyInText: a word of the vocabulary may stand for the bytes of a text", async () => {
  const { peer } = await brokerAndPeer("listener", { root: new Desk() });
  const hex = (text: string): string => Buffer.from(text).toString("hex");
  const parts = [
    ...["0780", "1a87", "0181", `0482${hex("root")}`, `0482${hex("echo")}`, "0181"], // (message 1 root echo 1 …
    ...["0280", "0b87", "0280", `0782${hex("unicode")}`, "1a87"], // (tuple (unicode message))
    ...["0180", "0587"], // (dictionary)
  ];
  await peer.sayBytes(Buffer.from(parts.join(""), "hex"));
  expect(peer.heard()).toEqual(["(answer 1 (unicode message))"]);
});

test("Needed.unpersistable: what the peer could not send is a placeholder, in a state too", async () => {
  const root = new Desk();
  const { peer } = await brokerAndPeer("listener", { root, types: types() });
  const state = "(dictionary ((unicode headers) (unpersistable 'no way')))";
  await peer.say(`(message 1 root take 1 (tuple (test.Note ${state})) (dictionary))`);
  expect(peer.heard()).toEqual(["(answer 1 (None))"]);
  expect((root.taken[0] as { headers: unknown }).headers).toBeInstanceOf(Unpersistable);
});

test("Needed.rootComesHome: the root comes home by its name", async () => {
  const root = new Desk();
  const { peer } = await brokerAndPeer("listener", { root });
  await peer.say("(message 1 root take 1 (tuple (local root)) (dictionary))");
  expect(root.taken).toEqual([root]);
});

test("Needed.decrefEachTime: what arrived many times is given back as many times", async () => {
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

test("Needed.failureAsArgument: an error may be an argument", async () => {
  const { desk, root } = await open();
  const error = new RemoteError({ type: "builtins.OSError", message: "full", parents: ["builtins.OSError"] });
  await desk.callRemote("take", error);
  expect(root.taken[0]).toBeInstanceOf(RemoteError);
  expect(root.taken[0]).toMatchObject({ remoteType: "builtins.OSError", message: "full" });
});

test("Needed.noAnswerWanted: a call that wants no answer gets none, not even an error", async () => {
  const { pair, desk } = await open();
  const before = pair.transcript().length;
  desk.sendRemote("take", 1);
  desk.sendRemote("nosuch");
  await pair.settled();
  expect(pair.transcript(before).filter((line) => line.startsWith("server:"))).toEqual([]);
});

test("Needed.keptReference: a reference that is in use is not given back", async () => {
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

test("Needed.longSession: 14,000 calls leave nothing behind", async () => {
  class Thing extends Referenceable {}
  const { pair, desk } = await open({ pass: (value: unknown) => value, get: () => new Thing() });
  for (let call = 0; call < 7000; call++) {
    await desk.callRemote("pass", ["card", call, { at: tuple(1, 2) }]);
    using _thing = (await desk.callRemote("get")) as RemoteReference;
  }
  await pair.expectNothingLeft();
});

test("Needed.taggedReferences: a type of the program's may be a reference under its own tag, and counts like others", async () => {
  /** As twisted.words sends them: `(….PBGroup 7 name)`. */
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
  await peer.say("(message 1 root take 1 (tuple (test.PBGroup 7 (unicode room))) (dictionary))");
  const { reference, name } = root.taken[0] as Group;
  expect(name).toBe("room");
  reference.sendRemote("hello");
  expect(broker.stats().referencesHeld).toBe(1);
  reference[Symbol.dispose]();
  await settled();
  expect(peer.heard().slice(-2)).toEqual(["(message 1 7 hello 0 (tuple) (dictionary))", "(decref 7)"]);

  // When the rest of the message cannot be read, nobody has it.
  await peer.say("(message 2 root take 0 (tuple (test.PBGroup 8 (unicode room)) (test.Unknown)) (dictionary))");
  await settled();
  expect(peer.heard().slice(-1)).toEqual(["(decref 8)"]);
  expect(broker.stats().referencesHeld).toBe(0);
});
