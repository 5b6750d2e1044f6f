// Checks of a server's root object (peers/CONTRACT.md, section 2). The names are those of Twisted's client half.

import { getAllPages, getPages, kwargs, PageCollector, Referenceable } from "@pb/broker";
import type { Broker, RemoteReference } from "@pb/broker";
import { tuple, UnknownCopy } from "@pb/jelly-types";
import { errorOf, expect, expectSame, isSame, remoteErrorOf, show, sleep, until } from "./check.js";
import type { Check, CheckContext } from "./check.js";
import * as contract from "../contract.js";

/** An object of ours that the server calls. */
export class Target extends Referenceable {
  readonly pings: number[] = [];

  remote_ping(n: number): number {
    this.pings.push(n);
    return n + 1;
  }

  remote_fail(message: string): never {
    throw new contract.ContractError(message);
  }
}

const info = ({ call }: CheckContext): Promise<Record<string, number>> => call("counter_info");
const range = (length: number): number[] => Array.from({ length }, (_, index) => index);
const exportsNothing = (connection: Broker): boolean => connection.stats().referencesGiven === 0;

/** After a failed call the connection must still work. */
async function expectAlive({ call }: CheckContext): Promise<void> {
  expectSame(await call("echo", "alive"), "alive", "echo after the error");
}

export const rootChecks: Readonly<Record<string, Check>> = {
  async echo_types({ call }) {
    for (const [name, value] of Object.entries(contract.values)) expectSame(await call("echo", value), value, name);
    return `${Object.keys(contract.values).length} values`;
  },

  async types_table({ call }) {
    const table = await call<Record<string, unknown>>("types");
    expectSame(new Set(Object.keys(table)), new Set(Object.keys(contract.values)), "names");
    for (const [name, value] of Object.entries(table)) expectSame(value, contract.values[name], name);
    return `${Object.keys(table).length} values`;
  },

  async positional_and_keywords({ call }) {
    expectSame(await call("add", 1, kwargs({ b: 20, c: 300 })), 321, "add(1, b=20, c=300)");
    expectSame(await call("add", kwargs({ a: 5 })), 5, "add(a=5)");
    const shown = await call("show", 1, "two", kwargs({ three: 3, four: [4] }));
    expectSame(shown, tuple(tuple(1, "two"), { three: 3, four: [4] }), "show(1, 'two', three=3, four=[4])");
    expectSame(await call("show"), tuple(tuple(), {}), "show()");
  },

  async large_values({ call }) {
    const bytes = Uint8Array.from({ length: 512_000 }, (_, index) => index % 256);
    expect(isSame(await call("echo", bytes), bytes), "512,000 bytes differ");
    expect(isSame(await call("echo", range(20_000)), range(20_000)), "a list of 20,000 numbers differs");
    let nested: unknown[] = [];
    for (let depth = 0; depth < 100; depth++) nested = [nested];
    expect(isSame(await call("echo", nested), nested), "100 nested lists differ");
  },

  graph_from_server: async ({ call }) => expectSame(await call("graph"), contract.graph()),

  async graph_through_server({ call }) {
    const [shared, key] = [[1], tuple(1)];
    const [listCycle, inTuple]: unknown[][] = [[], []];
    listCycle!.push(listCycle);
    inTuple!.push(tuple(inTuple));
    for (const value of [tuple(shared, shared, [shared]), listCycle, inTuple![0], new Map([[key, key]])]) {
      expectSame(await call("echo", value), value);
    }
  },

  async no_such_method(context) {
    const [type, text] = ["twisted.spread.flavors.NoSuchMethod", "No such method: remote_nosuch"];
    const error = await remoteErrorOf(context.call("nosuch"), type, text);
    expect(error.is("builtins.AttributeError"), "parents of the error");
    await expectAlive(context);
  },

  async wrong_arguments({ call }) {
    for (const args of [[], [1, 2], [1, kwargs({ bogus: 2 })]]) {
      await remoteErrorOf(call("echo", ...args), "builtins.TypeError");
    }
  },

  async error_pb({ call }) {
    const text = "the message \u00e9";
    for (const kind of ["pb", "pb-async"]) {
      const error = await remoteErrorOf(call("raise_error", kind, text), "contract.ContractError", text);
      expect(error.parents.includes("twisted.spread.pb.Error"), error.parents.join(" "));
      expect(!error.parents.includes("builtins.ValueError"), error.parents.join(" "));
      expectSame(error.traceback, undefined, "traceback");
    }
  },

  async error_ordinary({ call }) {
    for (const kind of ["value", "value-async"]) {
      const error = await remoteErrorOf(call("raise_error", kind, "bad"), "builtins.ValueError", "bad");
      expect(!error.is("twisted.spread.pb.Error"), "parents of the error");
    }
  },

  async error_jellyable({ call }) {
    for (const [kind, type] of Object.entries({ jelly: contract.JellyableError, copy: contract.CopyableError })) {
      for (const suffix of ["", "-async"]) {
        const error = await errorOf(call("raise_error", kind + suffix, "m"));
        const isCopy = error instanceof type && error.code === 7 && error.message === "m";
        expect(isCopy, `${kind}${suffix}: ${error.name} ${error.message}`);
      }
    }
  },

  async copyable_received({ call }) {
    const point = await call("get_point");
    expect(point instanceof contract.PointCopy, show(point));
    expectSame(Object.assign({}, point), { x: 3, y: -4, label: "pt" });
    const [one, other] = await call<contract.PointCopy[]>("get_points");
    expect(one === other && one?.label === "twice", "sharing is lost");
  },

  async copyable_sent({ call }) {
    expectSame(await call("take_point", new contract.Point(20, 22, "sent")), 42, "x + y");
    await remoteErrorOf(call("take_point", new contract.Unregistered()), "twisted.spread.jelly.InsecureJelly");
    expectSame(await call("take_point", new contract.Point(1, 1, "x")), 2, "x + y after the error");
  },

  /** Twisted's client loses its connection here. Ours fails only this call. */
  async unregistered_copyable_fails_one_call({ call, connection }) {
    const other = call("delay", 0.2, "done");
    const error = await errorOf(call("get_unregistered"));
    expect(error.name === "InsecureJellyError", `${error.name}: ${error.message}`);
    expectSame(await other, "done", "the other call");
    expect(connection.isOpen, "the connection is closed");
  },

  async cacheable_life_cycle(context) {
    const { call, connection } = context;
    const counter = await call<contract.CounterCache>("get_counter");
    expect(counter instanceof contract.CounterCache && counter.value === 10 && counter.name === "main", show(counter));
    expectSame(await info(context), { value: 10, observers: 1, stopped: 0, refs: 1 }, "counter_info");
    expectSame(await call("set_counter", 11), [22], "answers of the observers");
    expectSame([counter.value, counter.updates], [11, 1], "value and updates");
    expect((await call("get_counter")) === counter, "the second send is not the same cache");
    const [one, other] = await call<unknown[]>("get_counters");
    expect(one === counter && other === counter, "a pair is not the same cache");
    expectSame((await info(context)).refs, 4, "count");
    expectSame(await call("is_counter", counter), true, "is_counter");
    counter[Symbol.dispose]();
    const released = { value: 11, observers: 0, stopped: 1, refs: 0 };
    await until(async () => isSame(await info(context), released), "all decaches");
    await until(() => connection.stats().cachesHeld === 0, "uncache");
    const fresh = await call<contract.CounterCache>("get_counter");
    expect(fresh !== counter && fresh.value === 11 && fresh.updates === 0, "the cache is not a new one");
  },

  async cacheable_first_send_twice(context) {
    const [one, other] = await context.call<contract.CounterCache[]>("get_counters");
    expect(one === other, "the pair is two objects");
    expectSame((await info(context)).refs, 1, "count");
    one?.[Symbol.dispose]();
    await until(async () => (await info(context)).refs === 0, "decache");
    await until(() => context.connection.stats().cachesHeld === 0, "uncache");
  },

  async cacheable_timed_updates({ call }) {
    const counter = await call<contract.CounterCache>("get_counter");
    expectSame(await call("start_ticks", 5, 0.02), null, "start_ticks");
    await until(() => counter.value === 15, "five ticks");
    expectSame(counter.updates, 5, "updates");
  },

  async cacheable_sent_by_us({ call, connection }) {
    const counter = new contract.Counter(100, "ours");
    expectSame(await call("take_counter", counter), 100, "take_counter");
    expectSame(counter.observers.size, 1, "observers");
    expectSame(await counter.set(101), [202], "answers of the observers");
    expectSame(await call("taken_info"), { value: 101, name: "ours", updates: 1 }, "taken_info");
    expect((await call("give_back_counter")) === counter, "the cache comes back as another object");
    await call("drop_counter");
    await until(() => counter.stopped === 1 && connection.stats().cachesGiven === 0, "decache from the server");
  },

  async reference_counting({ call }) {
    expectSame(await call("child_refs"), 0, "count before the first reference");
    const child = await call<RemoteReference>("get_child");
    const [one, other] = await call<RemoteReference[]>("get_child_twice");
    expect(child === one && one === other, "one object has several references");
    expectSame(await call("child_refs"), 3, "count");
    expectSame(await child.callRemote("ping", 1), 2, "ping");
    expect((await child.callRemote("me")) === child, "me");
    expectSame(await call("child_refs"), 4, "count");
    child[Symbol.dispose]();
    await until(async () => (await call("child_refs")) === 0, "all decrefs");
    const again = await call<RemoteReference>("get_child");
    expect(again !== child && again.id !== child.id, "the id is used again");
    expectSame((await errorOf(child.callRemote("ping", 1))).name, "DeadReferenceError");
  },

  async unknown_object(context) {
    const unknown = await context.connection.getObject("nobody");
    await remoteErrorOf(unknown.callRemote("ping", 1), "twisted.spread.pb.Error", "Invalid Object ID");
    await expectAlive(context);
  },

  async reference_goes_home({ call, root }) {
    const child = await call<RemoteReference>("get_child");
    expectSame(await call("is_child", child), true, "is_child");
    expectSame(await call("child_refs"), 1, "count, which an argument must not change");
    expectSame(await call("is_root", root), true, "is_root");
    expect((await call("echo", child)) === child, "the echo of the child is another object");
  },

  async callbacks({ call, connection }) {
    const target = new Target();
    expectSame(await call("call_back", target, 41), tuple("called", 42), "call_back");
    expectSame(target.pings, [41], "received pings");
    const failed = await call("call_back_error", target, "oops \u00e9");
    expectSame(failed, tuple("contract.ContractError", "oops \u00e9"), "call_back_error");
    await until(() => exportsNothing(connection), "the server to release our object");
    await call("keep", target);
    expectSame(connection.referencesTo(target), 1, "count");
    expectSame(await call("kept_ping", 1), 2, "kept_ping");
    expect((await call("give_back")) === target, "our object comes back as another object");
    expectSame(await call("is_child", target), false, "is_child");
    await call("drop");
    await until(() => exportsNothing(connection), "the server to release our object");
  },

  async no_answer_wanted({ call, root, connection }) {
    root.sendRemote("note", 1);
    root.sendRemote("note_and_fail", 2);
    root.sendRemote("nosuch");
    root.sendRemote("note", 3);
    expectSame(await call("notes"), [1, 2, 3], "notes, in the order of the calls");
    await sleep(50); // An answer to one of these calls would close the connection.
    expect(connection.isOpen, "an answer that was not requested closed the connection");
  },

  async delayed_answers_overtake({ call }) {
    const order: unknown[] = [];
    const calls = [call("delay", 0.3, "late"), call("delay", 0.1, "early"), call("echo", "now")];
    await Promise.all(calls.map((pending) => pending.then((value) => order.push(value))));
    expectSame(order, ["now", "early", "late"], "order");
  },

  async many_calls_in_order({ call }) {
    const order: unknown[] = [];
    await Promise.all(range(500).map((n) => call("echo", n).then((echo) => order.push(echo))));
    expect(isSame(order, range(500)), "the answers are out of order");
  },

  async paging({ call, connection }) {
    for (const [size, length] of [
      [10, 25],
      [10, 3],
      [10, 0],
      [5, 10],
      [65_536, 300_000],
    ] as const) {
      const data = Uint8Array.from({ length }, (_, index) => index % 251);
      const collector = new PageCollector();
      expectSame(await call("get_pages", collector, data, size), "paging", "answer");
      const received = new Uint8Array(length);
      let [pages, end] = [0, 0];
      for await (const page of collector as AsyncIterable<Uint8Array>) {
        received.set(page, end);
        [pages, end] = [pages + 1, end + page.length];
      }
      expectSame(pages, Math.max(1, Math.ceil(length / size)), `pages of ${length} bytes`);
      expect(end === length && isSame(received, data), `${length} bytes differ`);
    }
    await until(() => exportsNothing(connection), "the server to release the collectors");
  },

  async get_all_pages({ root }) {
    const data = new Uint8Array(25).fill(120);
    const pages = (await getAllPages(root, "get_pages", data, 10)) as Uint8Array[];
    const lengths = pages.map(({ length }) => length);
    expectSame(lengths, [10, 10, 5], "lengths of the pages");
    let count = 0;
    for await (const page of getPages(root, "get_pages", data, 5)) count += (page as Uint8Array).length;
    expectSame(count, 25, "bytes");
  },

  async reference_limit({ call, connection }) {
    const children = await call<RemoteReference[]>("many_children", 1024);
    expectSame(new Set(children).size, 1024, "distinct references");
    // Our server goes on with what to do.
    const [type, text] = ["twisted.spread.pb.Error", /^Maximum PB reference count exceeded\./];
    for (let time = 0; time < 3; time++) await remoteErrorOf(call("many_children", 1), type, text);
    const last = call("many_children", 1);
    const sawGoodbye = (await errorOf(last)).name !== "ConnectionLostError";
    if (sawGoodbye) await remoteErrorOf(last, type, /^Maximum PB reference count exceeded\. {2}Goodbye\./);
    await until(() => !connection.isOpen, "the server to close the connection");
    // They are used until here, so that the garbage collector does not release them before.
    expect(!children.some(({ isAlive }) => isAlive), "references outlive their connection");
    return sawGoodbye ? "goodbye seen" : "no goodbye seen";
  },

  async reference_limit_counts_live_references(context) {
    for (let time = 0; time < 4; time++) {
      const children = await context.call<RemoteReference[]>("many_children", 600);
      expectSame(children.length, 600, "children");
      for (const child of children) child[Symbol.dispose]();
    }
    await expectAlive(context);
  },

  async disconnect_fails_pending_calls({ call, root }) {
    const pending = errorOf(call("delay", 30, null));
    const order: string[] = [];
    void pending.then(() => order.push("call"));
    root.notifyOnDisconnect(() => void setTimeout(() => order.push("notified")));
    expectSame((await errorOf(call("disconnect_me"))).name, "ConnectionLostError");
    expectSame((await pending).name, "ConnectionLostError", "the other call");
    await until(() => order.length === 2, "the callback of notifyOnDisconnect");
    expectSame(order, ["call", "notified"], "order");
    expectSame((await errorOf(call("echo", 1))).name, "DeadReferenceError");
  },

  async insecure_argument(context) {
    for (const type of ["os.system", "function"]) {
      const insecure = new UnknownCopy(type, {});
      await remoteErrorOf(context.call("echo", insecure), "twisted.spread.jelly.InsecureJelly");
    }
    await expectAlive(context);
  },
};
