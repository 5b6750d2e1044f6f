// What a server must do on its root object (peers/CONTRACT.md, section 2). The names are those of Twisted's client half.

import { getAllPages, getPages, kwargs, PageCollector, Referenceable, RemoteError } from "@pb/broker";
import type { Broker, RemoteReference } from "@pb/broker";
import { tuple, Tuple } from "@pb/jelly-types";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, failureOf, isSame, show, until } from "./check.js";
import type { Check } from "./check.js";
import {
  Atom,
  ContractError,
  CopyableError,
  Counter,
  CounterCache,
  Evil,
  JellyableError,
  Point,
  PointCopy,
  Unregistered,
  values,
} from "./contract.js";

/** Something of ours for the server to call. */
export class Target extends Referenceable {
  readonly pings: number[] = [];

  remote_ping(n: number): number {
    this.pings.push(n);
    return n + 1;
  }

  remote_fail(message: string): never {
    throw new ContractError(message);
  }
}

type Reference = RemoteReference;

const expectType = (error: Error & Record<string, unknown>, type: string, message?: string): void => {
  expect(error instanceof RemoteError, `${error.name}: ${error.message} is not a RemoteError`);
  expect(error.remoteType === type, `type ${error.remoteType}`);
  expect(message === undefined || error.message === message, `message ${error.message}`);
};

const call = (root: Reference, name: string, ...args: unknown[]): Promise<unknown> => root.callRemote(name, ...args);
const info = (root: Reference): Promise<Record<string, number>> =>
  root.callRemote("counter_info") as Promise<Record<string, number>>;
const holdsNothing = (connection: Broker): boolean => connection.stats().referencesGiven === 0;

export const rootChecks: Readonly<Record<string, Check>> = {
  async echo_types({ root }) {
    for (const [name, value] of Object.entries(values)) {
      const echo = await call(root, "echo", value);
      expect(isSame(echo, value), `${name}: sent ${show(value)}, got ${show(echo)}`);
    }
    return `${Object.keys(values).length} values`;
  },

  async types_table({ root }) {
    const table = (await call(root, "types")) as Record<string, unknown>;
    const names = Object.keys(table);
    expect(isSame(new Set(names), new Set(Object.keys(values))), `names differ: ${names.join(" ")}`);
    for (const name of names) expect(isSame(table[name], values[name]), `${name}: ${show(table[name])}`);
    return `${names.length} values`;
  },

  async positional_and_keywords({ root }) {
    expect((await call(root, "add", 1, kwargs({ b: 20, c: 300 }))) === 321, "add(1, b=20, c=300)");
    expect((await call(root, "add", kwargs({ a: 5 }))) === 5, "add(a=5)");
    const shown = await call(root, "show", 1, "two", kwargs({ three: 3, four: [4] }));
    expect(isSame(shown, tuple(tuple(1, "two"), { three: 3, four: [4] })), show(shown));
    expect(isSame(await call(root, "show"), tuple(tuple(), {})), "show()");
    return undefined;
  },

  async large_values({ root }) {
    const bytes = Uint8Array.from({ length: 512_000 }, (_, index) => index % 256);
    expect(isSame(await call(root, "echo", bytes), bytes), "512000 bytes differ");
    const list = Array.from({ length: 20_000 }, (_, index) => index);
    expect(isSame(await call(root, "echo", list), list), "long list differs");
    let nested: unknown[] = [];
    for (let depth = 0; depth < 100; depth++) nested = [nested];
    expect(isSame(await call(root, "echo", nested), nested), "deep list differs");
    return undefined;
  },

  async graph_from_server({ root }) {
    const graph = (await call(root, "graph")) as Record<string, unknown>;
    const [one, other] = graph.shared as unknown[][];
    expect(one === other && isSame(one, ["shared"]), "shared list");
    const cycle = graph.cycle as unknown[];
    expect(cycle.length === 1 && cycle[0] === cycle, "list cycle");
    const inTuple = graph.tuple_cycle as [unknown[], number];
    expect(inTuple instanceof Tuple && inTuple[1] === 1 && inTuple[0][0] === inTuple, "tuple cycle");
    const dict = graph.dict_cycle as Record<string, unknown>;
    expect(dict.me === dict, "dict cycle");
    return undefined;
  },

  async graph_through_server({ root }) {
    const shared = [1];
    const [a, b, [c]] = (await call(root, "echo", tuple(shared, shared, [shared]))) as [unknown, unknown, [unknown]];
    expect(a === b && b === c, "sharing lost");
    const cycle: unknown[] = [];
    cycle.push(cycle);
    const back = (await call(root, "echo", cycle)) as unknown[];
    expect(back[0] === back, "cycle lost");
    const list: unknown[] = [];
    const inTuple = tuple(list);
    list.push(inTuple);
    const tupleBack = (await call(root, "echo", inTuple)) as unknown[][];
    expect(tupleBack instanceof Tuple && tupleBack[0]?.[0] === tupleBack, "tuple cycle lost");
    const key = tuple(1);
    const [entry] = (await call(root, "echo", new Map([[key, key]]))) as Map<unknown, unknown>;
    expect(entry?.[0] === entry?.[1], "shared key lost");
    return undefined;
  },

  async no_such_method({ root }) {
    const error = await failureOf(call(root, "nosuch"));
    expectType(error, "twisted.spread.flavors.NoSuchMethod", "No such method: remote_nosuch");
    expect((error as unknown as RemoteError).is("builtins.AttributeError"), "parents");
    expect((await call(root, "echo", "still alive")) === "still alive", "connection damaged");
    return undefined;
  },

  async wrong_arguments({ root }) {
    expectType(await failureOf(call(root, "echo")), "builtins.TypeError");
    expectType(await failureOf(call(root, "echo", 1, 2)), "builtins.TypeError");
    expectType(await failureOf(call(root, "echo", 1, kwargs({ bogus: 2 }))), "builtins.TypeError");
    return undefined;
  },

  async error_pb({ root }) {
    for (const kind of ["pb", "pb-async"]) {
      const error = await failureOf(call(root, "raise_error", kind, "the message \u00e9"));
      expectType(error, "contract.ContractError", "the message \u00e9");
      const { parents, traceback } = error as unknown as RemoteError;
      expect(
        parents.includes("twisted.spread.pb.Error") && !parents.includes("builtins.ValueError"),
        parents.join(" "),
      );
      expect(traceback === undefined, `traceback ${traceback ?? ""}`);
    }
    return undefined;
  },

  async error_ordinary({ root }) {
    for (const kind of ["value", "value-async"]) {
      const error = await failureOf(call(root, "raise_error", kind, "bad"));
      expectType(error, "builtins.ValueError", "bad");
      expect(!(error as unknown as RemoteError).is("twisted.spread.pb.Error"), "parents");
    }
    return undefined;
  },

  async error_jellyable({ root }) {
    for (const [kind, type] of [
      ["jelly", JellyableError],
      ["copy", CopyableError],
    ] as const) {
      for (const when of ["", "-async"]) {
        const error = await failureOf(call(root, "raise_error", kind + when, "m"));
        expect(
          error instanceof type && error.code === 7 && error.message === "m",
          `${kind}${when}: ${error.name} ${error.message}`,
        );
      }
    }
    return undefined;
  },

  async copyable_received({ root }) {
    const point = await call(root, "get_point");
    expect(
      point instanceof PointCopy && isSame(Object.fromEntries(Object.entries(point)), { x: 3, y: -4, label: "pt" }),
      show(point),
    );
    const [one, other] = (await call(root, "get_points")) as PointCopy[];
    expect(one === other && one?.label === "twice", "sharing lost");
    return undefined;
  },

  async copyable_sent({ root }) {
    expect((await call(root, "take_point", new Point(20, 22, "sent"))) === 42, "sum");
    expectType(await failureOf(call(root, "take_point", new Unregistered())), "twisted.spread.jelly.InsecureJelly");
    expect((await call(root, "take_point", new Point(1, 1, "x"))) === 2, "connection damaged");
    return undefined;
  },

  /** Twisted's client loses its connection here; ours loses one call. */
  async unregistered_copyable_fails_one_call({ root, connection }) {
    const other = call(root, "delay", 0.2, "done");
    const error = await failureOf(call(root, "get_unregistered"));
    expect(error.name === "InsecureJellyError", `${error.name}: ${error.message}`);
    expect((await other) === "done" && connection.isOpen, "connection damaged");
    return undefined;
  },

  async cacheable_life_cycle({ root, connection }) {
    const counter = (await call(root, "get_counter")) as CounterCache;
    expect(counter instanceof CounterCache && counter.value === 10 && counter.name === "main", show(counter));
    expect(isSame(await info(root), { value: 10, observers: 1, stopped: 0, refs: 1 }), show(await info(root)));
    expect(isSame(await call(root, "set_counter", 11), [22]), "observer answers");
    expect(isSame([counter.value, counter.updates], [11, 1]), "update not applied");
    expect((await call(root, "get_counter")) === counter, "second send is not the same cache");
    const [one, other] = (await call(root, "get_counters")) as unknown[];
    expect(one === counter && other === counter, "pair");
    expect((await info(root)).refs === 4, "four counts");
    expect((await call(root, "is_counter", counter)) === true, "lcache");
    counter[Symbol.dispose]();
    await until(async () => isSame(await info(root), { value: 11, observers: 0, stopped: 1, refs: 0 }), "all decaches");
    await until(() => connection.stats().cachesHeld === 0, "uncache");
    const fresh = (await call(root, "get_counter")) as CounterCache;
    expect(fresh !== counter && fresh.value === 11 && fresh.updates === 0, "fresh cache expected");
    return undefined;
  },

  async cacheable_first_send_twice({ root, connection }) {
    const [one, other] = (await call(root, "get_counters")) as CounterCache[];
    expect(one === other, "dereference expected: one object");
    expect((await info(root)).refs === 1, "one count");
    one?.[Symbol.dispose]();
    await until(async () => (await info(root)).refs === 0, "decache");
    await until(() => connection.stats().cachesHeld === 0, "uncache");
    return undefined;
  },

  async cacheable_timed_updates({ root }) {
    const counter = (await call(root, "get_counter")) as CounterCache;
    expect((await call(root, "start_ticks", 5, 0.02)) === null, "start_ticks");
    await until(() => counter.value === 15, "five ticks");
    expect(counter.updates === 5, `updates ${counter.updates}`);
    return undefined;
  },

  async cacheable_sent_by_us({ root, connection }) {
    const mine = new Counter(100, "ours");
    expect((await call(root, "take_counter", mine)) === 100 && mine.observers.size === 1, "take_counter");
    expect(isSame(await mine.set(101), [202]), "observer answers");
    const taken = await call(root, "taken_info");
    expect(isSame(taken, { value: 101, name: "ours", updates: 1 }), show(taken));
    expect((await call(root, "give_back_counter")) === mine, "lcache the other way");
    await call(root, "drop_counter");
    await until(() => mine.stopped === 1 && connection.stats().cachesGiven === 0, "decache from the server");
    return undefined;
  },

  async reference_counting({ root }) {
    expect((await call(root, "child_refs")) === 0, "none at first");
    const child = (await call(root, "get_child")) as Reference;
    const [one, other] = (await call(root, "get_child_twice")) as Reference[];
    expect(child === one && one === other, "one proxy expected");
    expect((await call(root, "child_refs")) === 3, "three counts");
    expect((await child.callRemote("ping", 1)) === 2, "ping");
    expect((await child.callRemote("me")) === child, "me");
    expect((await call(root, "child_refs")) === 4, "four counts");
    child[Symbol.dispose]();
    await until(async () => (await call(root, "child_refs")) === 0, "all decrefs");
    const again = (await call(root, "get_child")) as Reference;
    expect(again !== child && again.id !== child.id, "id used again");
    const dead = await failureOf(child.callRemote("ping", 1));
    expect(dead.name === "DeadReferenceError", dead.name);
    return undefined;
  },

  async unknown_object({ connection, root }) {
    const nobody = await connection.getObject("nobody");
    expectType(await failureOf(nobody.callRemote("ping", 1)), "twisted.spread.pb.Error", "Invalid Object ID");
    expect((await call(root, "echo", 1)) === 1, "connection damaged");
    return undefined;
  },

  async reference_goes_home({ root }) {
    const child = (await call(root, "get_child")) as Reference;
    expect((await call(root, "is_child", child)) === true, "local luid");
    expect((await call(root, "child_refs")) === 1, "sending home must not change the count");
    expect((await call(root, "is_root", root)) === true, "local root");
    expect((await call(root, "echo", child)) === child, "echo of its own object comes back as itself");
    return undefined;
  },

  async callbacks({ root, connection }) {
    const target = new Target();
    const called = await call(root, "call_back", target, 41);
    expect(isSame(called, tuple("called", 42)) && isSame(target.pings, [41]), show(called));
    const failed = await call(root, "call_back_error", target, "oops \u00e9");
    expect(isSame(failed, tuple("contract.ContractError", "oops \u00e9")), show(failed));
    await until(() => holdsNothing(connection), "the server to drop our object");
    await call(root, "keep", target);
    expect(connection.referencesTo(target) === 1, "count 1");
    expect((await call(root, "kept_ping", 1)) === 2, "kept_ping");
    expect((await call(root, "give_back")) === target, "our own object must come back as itself");
    expect((await call(root, "is_child", target)) === false, "is_child");
    await call(root, "drop");
    await until(() => holdsNothing(connection), "the server to decref our object");
    return undefined;
  },

  async no_answer_wanted({ root, connection }) {
    root.sendRemote("note", 1);
    root.sendRemote("note_and_fail", 2);
    root.sendRemote("nosuch");
    root.sendRemote("note", 3);
    const notes = await call(root, "notes");
    expect(isSame(notes, [1, 2, 3]), `${show(notes)} (messages must be handled in order)`);
    await sleep(50);
    expect(connection.isOpen, "an unwanted answer arrived and killed the connection");
    return undefined;
  },

  async delayed_answers_overtake({ root }) {
    const order: unknown[] = [];
    const note = (value: unknown): void => void order.push(value);
    await Promise.all([
      call(root, "delay", 0.3, "late").then(note),
      call(root, "delay", 0.1, "early").then(note),
      call(root, "echo", "now").then(note),
    ]);
    expect(isSame(order, ["now", "early", "late"]), show(order));
    return undefined;
  },

  async many_calls_in_order({ root }) {
    const order: unknown[] = [];
    const numbers = Array.from({ length: 500 }, (_, index) => index);
    await Promise.all(numbers.map((n) => call(root, "echo", n).then((echo) => order.push(echo))));
    expect(isSame(order, numbers), "answers out of order");
    return undefined;
  },

  async paging({ root, connection }) {
    for (const [size, length] of [
      [10, 25],
      [10, 3],
      [10, 0],
      [5, 10],
      [65_536, 300_000],
    ] as const) {
      const data = Uint8Array.from({ length }, (_, index) => index % 251);
      const collector = new PageCollector();
      expect((await call(root, "get_pages", collector, data, size)) === "paging", "answer");
      const pages: Uint8Array[] = [];
      for await (const page of collector) pages.push(page as Uint8Array);
      const expected = Math.max(1, Math.ceil(length / size));
      expect(pages.length === expected, `${pages.length} pages of ${length} bytes, ${size} each`);
      expect(isSame(Uint8Array.from(pages.flatMap((page) => [...page])), data), "data differs");
    }
    await until(() => holdsNothing(connection), "collectors released");
    return undefined;
  },

  async get_all_pages({ root }) {
    const data = new Uint8Array(25).fill(120);
    const pages = (await getAllPages(root, "get_pages", data, 10)) as Uint8Array[];
    expect(
      isSame(
        pages.map(({ length }) => length),
        [10, 10, 5],
      ),
      show(pages),
    );
    let count = 0;
    for await (const page of getPages(root, "get_pages", data, 5)) count += (page as Uint8Array).length;
    expect(count === 25, `${count} bytes`);
    return undefined;
  },

  async reference_limit({ root, connection }) {
    const children = (await call(root, "many_children", 1024)) as Reference[];
    expect(new Set(children).size === 1024, "1024 distinct references");
    const text = "Maximum PB reference count exceeded.";
    for (let time = 0; time < 3; time++) {
      expectType(await failureOf(call(root, "many_children", 1)), "twisted.spread.pb.Error", text);
    }
    const error = await failureOf(call(root, "many_children", 1));
    const sawGoodbye = error.name !== "ConnectionLostError";
    if (sawGoodbye) expectType(error, "twisted.spread.pb.Error", `${text}  Goodbye.`);
    await until(() => !connection.isOpen, "the server to hang up");
    return sawGoodbye ? "goodbye seen" : "no goodbye seen";
  },

  async reference_limit_counts_live_references({ root }) {
    for (let time = 0; time < 4; time++) {
      const children = (await call(root, "many_children", 600)) as Reference[];
      expect(children.length === 600, `${children.length} children`);
      for (const child of children) child[Symbol.dispose]();
    }
    expect((await call(root, "echo", 1)) === 1, "released references must not count");
    return undefined;
  },

  async disconnect_fails_pending_calls({ root }) {
    const pending = failureOf(call(root, "delay", 30, null));
    const order: string[] = [];
    void pending.then(() => order.push("call"));
    root.notifyOnDisconnect(() => void setTimeout(() => order.push("notified")));
    const error = await failureOf(call(root, "disconnect_me"));
    expect(error.name === "ConnectionLostError", error.name);
    expect((await pending).name === "ConnectionLostError", "the other call");
    await until(() => order.length === 2, "both to be told");
    expect(isSame(order, ["call", "notified"]), show(order));
    const dead = await failureOf(call(root, "echo", 1));
    expect(dead.name === "DeadReferenceError", dead.name);
    return undefined;
  },

  async insecure_argument({ root }) {
    for (const value of [new Evil(), new Atom()]) {
      expectType(await failureOf(call(root, "echo", value)), "twisted.spread.jelly.InsecureJelly");
    }
    expect((await call(root, "echo", 1)) === 1, "connection damaged");
    return undefined;
  },
};
