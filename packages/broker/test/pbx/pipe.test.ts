// Calls to results that have not arrived yet.

import { asLocal, ConnectionLostError, DeadReferenceError, kwargs, Referenceable, RemoteError, Root } from "@pb/broker";
import { callContext, CallTimeoutError, Viewable } from "@pb/broker";
import type { BrokerOptions, RemoteReference } from "@pb/broker";
import { AsReferenceable } from "@pb/broker/extension";
import { connectedPair } from "@pb/broker/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { brokerAndPeer, rejection, settled } from "../support/raw-peer.js";

class Item extends Referenceable {
  readonly path: string;
  readonly log: string[];
  readonly gates: (() => void)[] = [];

  constructor(path: string, log: string[]) {
    super();
    this.path = path;
    this.log = log;
  }

  remote_child(name: string): Item {
    this.log.push(`child ${this.path}.${name}`);
    return new Item(`${this.path}.${name}`, this.log);
  }

  async remote_later(name: string): Promise<Item> {
    this.log.push(`later ${name}`);
    await new Promise<void>((resolve) => this.gates.push(resolve));
    return this.remote_child(name);
  }

  remote_show(...args: unknown[]): string {
    this.log.push(["show", this.path, ...args.filter((arg) => typeof arg === "number")].join(" "));
    return [this.path, ...args.map((arg) => JSON.stringify(arg))].join(" ");
  }

  remote_fail(): Item {
    throw new RangeError("secret");
  }

  remote_number(): number {
    return 7;
  }

  remote_self(value: unknown): unknown {
    return value;
  }

  remote_box(): unknown {
    return [new Item("boxed", this.log)];
  }
}

class Start extends Root {
  readonly log: string[] = [];
  readonly item = new Item("root", this.log);

  override rootObject(): Item {
    return this.item;
  }
}

async function open(server: BrokerOptions = {}, client: BrokerOptions = {}) {
  const start = new Start();
  const pair = await connectedPair({ root: start, onEvent: () => undefined, ...server }, client);
  onTestFinished(() => pair.close());
  return { log: start.log, item: start.item, pair, root: await pair.client.getRootObject<Item>() };
}

describe("a chain of calls", () => {
  test.each([
    ["the first", 0],
    ["a later", 1],
  ])("takes one round trip: %s on a connection", async (_which, before) => {
    const { log, pair, root } = await open();
    for (let chain = 0; chain < before; chain++) await root.pipe("child", "z").call.show();
    log.length = 0;
    pair.links.initiator.hold(); // Nothing reaches the client, and still all calls run.
    const shown = root
      .pipe("child", "a")
      .pipe("child", "b")
      .call.show(1, [2, { c: 3 }], kwargs({ d: 4 }));
    await pair.settled();
    expect(log).toEqual(["child root.a", "child root.a.b", "show root.a.b 1"]);
    pair.links.initiator.release();
    expect(await shown).toContain("root.a.b 1");
    await pair.settled();
    expect(pair.client.stats().callsWaiting).toBe(0);
  });

  test("waits at the server for a call that is running, and keeps its order", async () => {
    const { log, item, pair, root } = await open();
    const later = root.pipe("later", "a");
    const shown = [later.call.show(1), later.callRemote("show", 2), later.with({ timeoutMs: 60_000 }).call.show(3)];
    later.sendRemote("show", 4);
    await pair.settled();
    expect(log).toEqual(["later a"]);
    item.gates[0]!();
    expect(await Promise.all(shown)).toEqual(["root.a 1", "root.a 2", "root.a 3"]);
    await pair.settled();
    expect(log).toEqual(["later a", "child root.a", ...[1, 2, 3, 4].map((call) => `show root.a ${call}`)]);
  });

  test("gives the results too, which are references as from any other call, and leaves nothing", async () => {
    const { pair, root } = await open();
    const child = root.pipe("child", "a");
    const grandchild = child.pipe("child", "b");
    expect(child.isAlive).toBe(true);
    expect(await (await grandchild).callRemote("show")).toBe("root.a.b");
    expect(await (await child).callRemote("show")).toBe("root.a");
    expect(await child.call.show(0)).toBe("root.a 0");
    grandchild[Symbol.dispose]();
    child[Symbol.dispose]();
    await pair.settled();
    expect(child.isAlive).toBe(false);
    expect(await rejection(child.call.show())).toBeInstanceOf(DeadReferenceError);
    expect(pair.server.stats()).toMatchObject({ referencesGiven: 0, callsRunning: 0, extensionsIgnored: 0 });
    // Every expectation was forgotten: the names are unknown again.
    const unknown = await pair.client.getObject("pbx:1");
    expect(await rejection(unknown.callRemote("show"))).toMatchObject({ remoteType: "pbx.NotExpected" });
  });

  test.each([true, false])(
    "are answered although the result is released meanwhile, with a peer that pipelines: %s",
    async (extensions) => {
      const { pair, root } = await open({ extensions });
      const first = root.pipe("child", "z");
      await first.call.show(); // From now on, the client knows what its peer can do.
      first[Symbol.dispose]();
      const child = root.pipe("child", "a");
      const shown = [child.call.show(1), child.with({ timeoutMs: 60_000 }).callRemote("show", 2)];
      child[Symbol.dispose]();
      expect(await rejection(child.call.show(3))).toBeInstanceOf(DeadReferenceError);
      expect(await Promise.all(shown)).toEqual(["root.a 1", "root.a 2"]);
      await expect.poll(() => pair.server.stats().referencesGiven).toBe(0);
    },
  );

  test("may contain references once the peer has said what it can do, and before that waits for its answer", async () => {
    const { root } = await open();
    const mine = new Item("mine", []);
    for (let chain = 0; chain < 2; chain++) {
      const sent = root.pipe("child", "a").callRemote("self", mine);
      expect(await sent).toBe(mine);
    }
  });

  test.each([
    ["with the extensions", true],
    ["without", false],
  ])("fails with the first call, whose error is the cause: %s", async (_which, extensions) => {
    const { root } = await open({}, { extensions });
    const failed = root.pipe("fail");
    const [first, second, third] = await Promise.all([
      rejection(failed),
      rejection(failed.call.show()),
      rejection(failed.pipe("child", "a").call.show()),
    ]);
    expect(first).toMatchObject({ remoteType: "builtins.ValueError" });
    expect(second).toMatchObject({ remoteType: "pbx.DependencyFailed", cause: first, method: "show" });
    expect(third).toMatchObject({ remoteType: "pbx.DependencyFailed", cause: { cause: first } });
    expect(second).toBeInstanceOf(RemoteError);
  });

  test.each([
    ["a number", "number", true],
    ["a number, without the extensions", "number", false],
    ["a list with a reference", "box", true],
  ])("fails when a result is no reference but %s", async (_what, method, extensions) => {
    const { root } = await open({}, { extensions });
    const result = (root as unknown as RemoteReference).pipe(method);
    expect(await rejection(result.call.show!())).toMatchObject({ remoteType: "pbx.NotAReference" });
  });

  test("fails when the result is an object of the caller", async () => {
    const { root } = await open();
    const mine = root.pipe("self", new Item("mine", [])) as unknown as RemoteReference;
    expect(await rejection(mine.callRemote("show"))).toMatchObject({ remoteType: "pbx.NotAReference" });
  });

  test("whose caller has canceled a call that waits does not run it", async () => {
    const { log, item, pair, root } = await open();
    const later = root.pipe("later", "a");
    const controller = new AbortController();
    const canceled = rejection(later.with({ signal: controller.signal }).call.show(1));
    const late = rejection(later.with({ timeoutMs: 5 }).call.show(2));
    const shown = later.call.show(3);
    await pair.settled();
    controller.abort(new Error("enough"));
    expect(await canceled).toMatchObject({ message: "enough" });
    expect(await late).toBeInstanceOf(CallTimeoutError);
    await pair.settled();
    item.gates[0]!();
    expect(await shown).toBe("root.a 3");
    expect(log.filter((line) => line.startsWith("show"))).toHaveLength(1);
    await pair.settled();
    expect(pair.client.stats().callsWaiting).toBe(0);
  });

  test("is rejected when the connection ends, and leaves nothing running", async () => {
    const { pair, root } = await open();
    const shown = rejection(root.pipe("later", "a").call.show());
    await pair.settled();
    pair.links.listener.cut();
    expect(await shown).toBeInstanceOf(ConnectionLostError);
    await pair.settled();
    expect(await rejection(root.pipe("child", "a").call.show())).toMatchObject({
      cause: expect.any(DeadReferenceError) as unknown,
    });
  });

  test("longer than the tables of the peer gives the same results", async () => {
    const { pair, root } = await open({ limits: { references: 3 } });
    const shown: Promise<unknown>[] = [];
    let item = root.pipe("child", "0");
    for (let depth = 1; depth < 3; depth++) {
      item = item.pipe("child", String(depth));
      shown.push(item.call.show());
    }
    expect(await Promise.all(shown)).toEqual(["root.0.1", "root.0.1.2"]);
    const many = Array.from({ length: 3 }, (_, index) => root.pipe("self", index));
    await Promise.all(many);
    expect(pair.server.isOpen).toBe(true);
  });

  test("of local references gives the same results", async () => {
    const root = asLocal(new Item("root", []));
    expect(await root.pipe("child", "a").pipe("child", "b").call.show()).toBe("root.a.b");
    expect(await rejection(root.pipe("number" as "child", "").call.show())).toMatchObject({
      remoteType: "pbx.NotAReference",
    });
    const failed = root.pipe("fail");
    expect(await rejection(failed.call.show())).toMatchObject({ cause: await rejection(failed) });
  });
});

describe("a chain that begins with a login", () => {
  class View extends Viewable {
    view_who(perspective: object): boolean {
      return perspective === callContext().perspective;
    }
  }
  class User {
    readonly view = new View();
    receiveCall({ method, args }: { method: string; args: unknown[] }): unknown {
      if (method === "view") return this.view;
      return method === "who" ? callContext().perspective === this : args.length;
    }
  }
  class Portal extends Root {
    remote_login(): AsReferenceable {
      return new AsReferenceable(new User());
    }
  }

  test("runs for the avatar, and so do calls to its views", async () => {
    const pair = await connectedPair({ root: new Portal() });
    onTestFinished(() => pair.close());
    const root = await pair.client.getRootObject();
    for (let chain = 0; chain < 2; chain++) {
      expect(await root.pipe("login").call.who!()).toBe(true);
      expect(await root.pipe("login").pipe("view").call.who!()).toBe(true);
    }
    // Before the login is answered, references would be read without a perspective.
    expect(await root.pipe("login").call.take!(new Item("mine", []))).toBe(1);
  });
});

describe("a stock peer", () => {
  test("gets the same calls one after the other, and is asked only once", async () => {
    const { broker, peer } = await brokerAndPeer("initiator");
    const root = await broker.getRootObject();
    const shown = root.pipe("child", 1).call.show!();
    await settled();
    expect(peer.received()).toEqual([
      "(message 2 pbx hello 1 (tuple) (dictionary))",
      "(message 3 pbx expect 0 (tuple 1) (dictionary))",
      "(message 1 root child 1 (tuple 1) (dictionary))",
      "(message 4 'pbx:1' show 1 (tuple) (dictionary))",
    ]);
    await peer.send("(error 2 (None))", "(answer 1 (remote 9))", "(error 4 (None))");
    await settled();
    expect(peer.received()).toEqual(["(message 5 9 show 1 (tuple) (dictionary))"]);
    await peer.send("(answer 5 7)");
    expect(await shown).toBe(7);
    void rejection(root.pipe("child", 2).call.show!());
    await settled();
    expect(peer.received()).toEqual(["(message 6 root child 1 (tuple 2) (dictionary))"]);
    await broker.close();
  });
});

describe("expectations that make no sense", () => {
  const pbx = (method: string, args: string): string => `(message 900 pbx ${method} 0 (tuple ${args}) (dictionary))`;
  const show = (id: number, target: string): string => `(message ${id} ${target} show 1 (tuple) (dictionary))`;
  const child = (id: number): string => `(message ${id} root child 1 (tuple (unicode a)) (dictionary))`;

  async function stranger() {
    const start = new Start();
    return { log: start.log, item: start.item, ...(await brokerAndPeer("listener", { root: start })) };
  }

  const answers = (messages: readonly string[], id: number): string[] =>
    messages.filter((message) => message.includes(` ${id} `)).map((message) => message.split(" ")[0]!);

  test.each([
    ["of nothing", "expect", ""],
    ["of text", "expect", "(unicode a)"],
    ["that are forgotten and were not made", "forget", "5"],
    ["that are forgotten without an id", "forget", ""],
  ])("%s are ignored and counted", async (_what, method, args) => {
    const { broker, peer } = await stranger();
    await peer.send(pbx(method, args), child(5), show(6, "pbx:5"));
    const messages = peer.received();
    expect(answers(messages, 5)).toEqual(["(answer"]);
    expect(messages.at(-1)).toContain("pbx.NotExpected");
    expect(broker.stats().extensionsIgnored).toBe(1);
    await broker.close();
  });

  test("that are forgotten before the call has finished still answer the calls that have arrived", async () => {
    const { log, broker, peer } = await stranger();
    await peer.send(pbx("expect", "5"), child(5), show(6, "pbx:5"), pbx("forget", "5"), show(7, "pbx:5"));
    const messages = peer.received();
    expect(answers(messages, 6)).toEqual(["(answer"]);
    expect(answers(messages, 7)).toEqual(["(error"]);
    expect(log).toEqual(["child root.a", "show root.a"]);
    await broker.close();
  });

  test("that are forgotten together with the note of their call leave nothing", async () => {
    const { broker, peer } = await stranger();
    await peer.send(pbx("note", "5 (dictionary)"), pbx("expect", "5"), pbx("forget", "5"));
    expect(broker.stats().extensionsIgnored).toBe(0);
    await peer.send(pbx("forget", "5"));
    expect(broker.stats().extensionsIgnored).toBe(1);
    // There is no note that 64 others could push out.
    await peer.send(...Array.from({ length: 64 }, (_, index) => pbx("note", `${1000 + index} (dictionary)`)));
    expect(broker.stats().extensionsIgnored).toBe(1);
    await broker.close();
  });

  test("cannot be called before their call has arrived, which may never be", async () => {
    const { broker, peer } = await stranger();
    await peer.send(pbx("expect", "5"), show(6, "pbx:5"));
    expect(peer.received().at(-1)).toContain("pbx.NotExpected");
    await peer.send(child(5), show(7, "pbx:5"));
    expect(answers(peer.received(), 7)).toEqual(["(answer"]);
    await broker.close();
  });

  test("beyond 64 whose call has not arrived are ignored", async () => {
    const { broker, peer } = await stranger();
    await peer.send(...Array.from({ length: 66 }, (_, index) => pbx("expect", String(index))));
    expect(broker.stats().extensionsIgnored).toBe(2);
    await peer.send(pbx("forget", "0"), pbx("expect", "70"), child(70), show(71, "pbx:70"));
    expect(answers(peer.received(), 71)).toEqual(["(answer"]);
    await broker.close();
  });

  test("of a call without an answer, or of an object that does not exist, fail what depends on it", async () => {
    const { log, broker, peer } = await stranger();
    await peer.send(
      pbx("expect", "5"),
      "(message 5 root child 0 (tuple (unicode a)) (dictionary))",
      show(6, "pbx:5"),
      pbx("expect", "7"),
      show(7, "nothing"),
      show(8, "pbx:7"),
      show(9, "pbx:7"),
    );
    const messages = peer.received();
    expect([6, 7, 8, 9].map((id) => answers(messages, id))).toEqual([["(error"], ["(error"], ["(error"], ["(error"]]);
    expect(log).toEqual(["child root.a"]);
    await broker.close();
  });

  test("leave nothing behind, however many there are and whenever they are forgotten", async () => {
    const { broker, peer } = await stranger();
    for (let id = 1; id <= 70; id++) {
      await peer.send(pbx("expect", String(id)), child(id), pbx("forget", String(id)), `(decref ${id})`);
      expect(answers(peer.received(), id)).toEqual(["(answer"]);
    }
    for (let id = 101; id <= 170; id++) await peer.send(pbx("expect", String(id)), pbx("forget", String(id)));
    expect(broker.stats()).toMatchObject({ extensionsIgnored: 0, referencesGiven: 0 });
    await broker.close();
  });

  test("that are forgotten while the call is running can be made again with the same id", async () => {
    const { log, item, broker, peer } = await stranger();
    for (let round = 1; round <= 3; round++) {
      await peer.send(pbx("expect", "5"), "(message 5 root later 1 (tuple (unicode a)) (dictionary))");
      await peer.send(show(6, "pbx:5"), pbx("forget", "5"));
      item.gates.pop()!();
      await settled();
      expect(answers(peer.received(), 6)).toEqual(["(answer"]);
      expect(log.splice(0)).toEqual(["later a", "child root.a", "show root.a"]);
    }
    expect(broker.stats().extensionsIgnored).toBe(0);
    await broker.close();
  });

  test.each([
    ["as an argument", "(remote 3)"],
    ["inside of a list", "(list 1 (list (remote 3)))"],
  ])("run no call with a reference to an avatar that was not known: %s", async (_where, reference) => {
    const calls: unknown[][] = [];
    let enter!: () => void;
    class Portal extends Root {
      async remote_login(): Promise<AsReferenceable> {
        await new Promise<void>((resolve) => (enter = resolve));
        return new AsReferenceable({ receiveCall: ({ args }: { args: unknown[] }) => void calls.push(args) });
      }
    }
    const { broker, peer } = await brokerAndPeer("listener", { root: new Portal() });
    await peer.send(pbx("expect", "5"), "(message 5 root login 1 (tuple) (dictionary))");
    await peer.send(`(message 6 pbx:5 take 1 (tuple ${reference}) (dictionary))`);
    await peer.send("(message 7 pbx:5 take 1 (tuple (list 1)) (dictionary))");
    enter();
    await settled();
    const messages = peer.received();
    expect(answers(messages, 6)).toEqual(["(error"]);
    expect(messages.find((message) => message.startsWith("(error 6 "))).toContain("belongs to another perspective");
    expect(answers(messages, 7)).toEqual(["(answer"]);
    expect(calls).toEqual([[[1]]]);
    await broker.close();
  });

  test("use only results of the same connection", async () => {
    const first = await stranger();
    const second = await stranger();
    await first.peer.send(pbx("expect", "5"), child(5));
    await second.peer.send(show(6, "pbx:5"));
    expect(answers(second.peer.received(), 6)).toEqual(["(error"]);
    expect(second.log).toEqual([]);
    await Promise.all([first.broker.close(), second.broker.close()]);
  });
});
