// What a callee makes of calls with a key: `note` of `pbx` with `key` and `since`.

import { none } from "@pb/banana";
import { callContext, PBError, Referenceable, Root } from "@pb/broker";
import { BrokerConfig } from "@pb/broker/extension";
import type { BrokerLimits } from "@pb/broker";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { brokerAndPeer, settled } from "../support/raw-peer.js";

const KEY = "0123456789abcdef0123456789abcdef";
const OTHER = "f".repeat(32);

class Thing extends Referenceable {}

class Bank extends Root {
  readonly runs: string[] = [];
  readonly gates: (() => void)[] = [];

  remote_pay(amount: number): string {
    this.runs.push(`pay ${amount}`);
    return `paid ${amount}`;
  }

  async remote_wait(): Promise<number> {
    this.runs.push("wait");
    await new Promise<void>((resolve) => this.gates.push(resolve));
    return 7;
  }

  remote_watch(): Promise<never> {
    callContext().signal.addEventListener("abort", () => this.runs.push("aborted"));
    return new Promise(() => undefined);
  }

  remote_refuse(): never {
    this.runs.push("refuse");
    throw new PBError("no funds");
  }

  remote_mine(object: object): object {
    this.runs.push("mine");
    return object;
  }

  remote_thing(): Thing {
    this.runs.push("thing");
    return new Thing();
  }

  async remote_stream(): Promise<ReadableStream> {
    await new Promise<void>((resolve) => this.gates.push(resolve));
    return new ReadableStream({ cancel: () => void this.runs.push("canceled") });
  }

  remote_long(length: number): Uint8Array {
    this.runs.push("long");
    return new Uint8Array(length);
  }
}

/** A server, to which callers connect one after the other. */
function server(limits: Partial<BrokerLimits> = {}, bank = new Bank()) {
  const config = new BrokerConfig({ root: bank, limits: { turnMs: Infinity, ...limits } });
  let calls = 100;
  const connect = async (user?: string, dialect?: typeof none) => {
    const { broker, peer } = await brokerAndPeer("listener", config, {}, dialect);
    onTestFinished(() => broker.close());
    if (user !== undefined) await broker.admitLogin(user);
    await peer.send("(message 1 pbx hello 1 (tuple) (dictionary))");
    const hello = peer.received().join();
    const clock = Number(/clock\)?\)? ([\d.]+)/.exec(hello)?.[1]);
    /** Calls a method with a note, and returns what is answered. */
    const call = async (key: string, method: string, { args = "", since = `${clock}` } = {}) => {
      const id = ++calls;
      await peer.send(
        `(message 0 pbx note 0 (tuple ${id} (dictionary ((unicode key) ${key}) ((unicode since) ${since}))) (dictionary))`,
        `(message ${id} root ${method} 1 (tuple ${args}) (dictionary))`,
      );
      await settled();
      return peer.received().map((message) => message.replace(` ${id} `, " "));
    };
    const forget = (key: string) => peer.send(`(message 0 pbx forget 0 (tuple ${key}) (dictionary))`);
    return { broker, peer, hello, clock, call, forget };
  };
  return { bank, connect };
}

const text = (key: string): string => `(unicode ${key})`;

describe("a call that arrives again", () => {
  test("over a later connection gets the same answer, and runs once", async () => {
    const { bank, connect } = server();
    const first = await connect();
    expect(await first.call(text(KEY), "pay", { args: "5" })).toEqual([expect.stringMatching(/^\(answer .*paid 5/)]);
    await first.peer.close();
    const second = await connect();
    const again = await second.call(text(KEY), "pay", { args: "5" });
    expect(again).toHaveLength(1);
    expect(again[0]).toMatch(/^\(answer .*paid 5/);
    expect(bank.runs).toEqual(["pay 5"]);
  });

  test("at another listener with the same root gets the same answer, and at one with another root it does not", async () => {
    const { bank, connect } = server();
    const { connect: connectElsewhere } = server({}, bank);
    const { bank: other, connect: connectToOther } = server();
    for (const connectOnce of [connect, connectElsewhere, connectToOther]) {
      const caller = await connectOnce();
      expect(await caller.call(text(KEY), "pay", { args: "5" })).toEqual([expect.stringMatching(/paid 5/)]);
    }
    expect(bank.runs).toEqual(["pay 5"]);
    expect(other.runs).toEqual(["pay 5"]);
  });

  test("in another dialect, and over the same connection, gets it too", async () => {
    const { bank, connect } = server();
    const answers = [];
    for (const dialect of [undefined, none]) {
      const caller = await connect(undefined, dialect);
      answers.push(...(await caller.call(text(KEY), "pay", { args: "5" })));
      answers.push(...(await caller.call(text(KEY), "pay", { args: "5" })));
    }
    expect(answers).toHaveLength(4);
    expect(new Set(answers).size).toBe(1);
    expect(bank.runs).toEqual(["pay 5"]);
  });

  test("with the id of a call that runs does not keep the signal of that from aborting", async () => {
    const { bank, connect } = server();
    await (await connect()).call(text(KEY), "wait");
    const { peer, clock } = await connect();
    await peer.send(
      "(message 5 root watch 1 (tuple) (dictionary))",
      `(message 0 pbx note 0 (tuple 5 (dictionary ((unicode key) ${text(KEY)}) ((unicode since) ${clock}))) (dictionary))`,
      "(message 5 root wait 1 (tuple) (dictionary))",
    );
    await peer.close();
    await settled();
    expect(bank.runs).toEqual(["wait", "aborted"]);
  });

  test("gets the error of its method", async () => {
    const { bank, connect } = server();
    const [first] = await (await connect()).call(text(KEY), "refuse");
    const [second] = await (await connect()).call(text(KEY), "refuse");
    expect(first).toMatch(/^\(error .*no funds/);
    expect(second).toBe(first);
    expect(bank.runs).toEqual(["refuse"]);
  });

  test("waits for its method, over each of the connections that last", async () => {
    const { bank, connect } = server();
    const callers = [await connect(), await connect(), await connect()];
    for (const caller of callers) expect(await caller.call(text(KEY), "wait")).toEqual([]);
    await callers[0]!.peer.close();
    await callers[1]!.peer.close();
    expect(callers[2]!.broker.stats().callsRunning).toBe(1);
    bank.gates[0]!();
    await settled();
    expect(callers.map(({ peer }) => peer.received().length)).toEqual([0, 0, 1]);
    expect(callers.map(({ broker }) => broker.stats().callsRunning)).toEqual([0, 0, 0]);
    expect(bank.runs).toEqual(["wait"]);
  });

  test("is answered with an error if the answer belongs to the first connection or is large", async () => {
    const { bank, connect } = server();
    const caller = await connect();
    await caller.call(text(KEY), "thing");
    await caller.call(text(OTHER), "mine", { args: "(remote 1)" });
    await caller.call(text(`${KEY}2`), "long", { args: "65537" });
    const later = await connect();
    for (const [key, method] of [
      [KEY, "thing"],
      [OTHER, "mine"],
      [`${KEY}2`, "long"],
    ] as const)
      expect(await later.call(text(key), method)).toEqual([expect.stringMatching(/^\(error .*pbx\.AnswerNotKept/)]);
    expect(bank.runs).toEqual(["thing", "mine", "long"]);
  });

  test("runs if it had not started when its connection ended", async () => {
    const { bank, connect } = server({ callsRunning: 1 });
    const first = await connect();
    await first.call(text(OTHER), "wait");
    await first.call(text(KEY), "pay", { args: "5" }); // Held.
    await first.peer.close();
    expect(bank.runs).toEqual(["wait"]);
    const [answer] = await (await connect()).call(text(KEY), "pay", { args: "5" });
    expect(answer).toMatch(/paid 5/);
    expect(bank.runs).toEqual(["wait", "pay 5"]);
  });
});

describe("a user", () => {
  test("does not get the answers of another one", async () => {
    const { bank, connect } = server();
    for (const user of ["ann", "bob", undefined, '["ann"', "ann 0123"]) {
      const [answer] = await (await connect(user)).call(text(KEY), "pay", { args: `${bank.runs.length}` });
      expect(answer).toContain(`paid ${bank.runs.length - 1}`);
    }
    const [answer] = await (await connect("ann")).call(text(KEY), "pay", { args: "9" });
    expect(answer).toContain("paid 0");
    expect(bank.runs).toHaveLength(5);
  });

  test("who has logged in beside another one, or has logged out, is another user", async () => {
    const { bank, connect } = server();
    await (await connect("ann")).call(text(KEY), "pay", { args: "1" });
    const both = await connect("ann");
    const session = await both.broker.admitLogin("bob");
    expect((await both.call(text(KEY), "pay", { args: "2" }))[0]).toContain("paid 2");
    session[Symbol.dispose]();
    expect((await both.call(text(KEY), "pay", { args: "3" }))[0]).toContain("paid 1");
    expect(bank.runs).toEqual(["pay 1", "pay 2"]);
  });

  test("cannot take the place of others", async () => {
    const { connect } = server({ keptAnswers: 3 });
    const flooder = await connect("eve");
    const answers = [];
    for (let call = 0; call < 5; call++) answers.push(...(await flooder.call(text(`${KEY}${call}`), "pay")));
    expect(answers.map((answer) => answer.includes("pbx.OnceRefused"))).toEqual([false, false, false, true, true]);
    expect((await (await connect("ann")).call(text(KEY), "pay", { args: "1" }))[0]).toContain("paid 1");
    await flooder.forget(text(`${KEY}0`));
    expect((await flooder.call(text(`${KEY}9`), "pay", { args: "1" }))[0]).toContain("paid 1");
    const bytes = server({ keptAnswerBytes: 4096 }); // A quarter of it for one user.
    const answersOf = async (user: string) => {
      const caller = await bytes.connect(user);
      return (await Promise.all([1, 2, 3].map((call) => caller.call(text(`${KEY}${call}`), "pay")))).flat();
    };
    for (const user of ["eve", "ann"])
      expect((await answersOf(user)).filter((answer) => answer.includes("pbx.OnceRefused"))).toHaveLength(1);
  });
});

describe("an answer", () => {
  test("that is a stream, and whose connection has ended, ends the stream", async () => {
    const { bank, connect } = server();
    const [first, second] = [await connect(), await connect()];
    await first.call(text(KEY), "stream");
    await first.peer.close();
    bank.gates[0]!();
    await settled();
    expect(bank.runs).toEqual(["canceled"]);
    expect((await second.call(text(KEY), "stream"))[0]).toContain("pbx.AnswerNotKept");
  });

  test("is forgotten when the caller has confirmed it, and a key of a running or unknown call changes nothing", async () => {
    const { bank, connect } = server({ keptAnswers: 1 });
    const caller = await connect();
    await caller.call(text(KEY), "wait");
    await caller.forget(text(KEY));
    await caller.forget(text(OTHER));
    expect(caller.broker.stats().extensionsIgnored).toBe(2);
    expect((await caller.call(text(OTHER), "pay"))[0]).toContain("pbx.OnceRefused");
    bank.gates[0]!();
    await settled();
    await caller.forget(text(KEY));
    expect((await caller.call(text(OTHER), "pay", { args: "1" })).at(-1)).toContain("paid 1");
  });

  test("is kept for its time: then a call that may have run is refused, and a new one runs", async () => {
    const { bank, connect } = server({ keptAnswerMs: 1 });
    const first = await connect();
    const since = `${first.clock}`;
    await first.call(text(KEY), "pay", { args: "1" });
    await new Promise((resolve) => setTimeout(resolve, 5));
    const second = await connect();
    for (const key of [KEY, OTHER])
      expect((await second.call(text(key), "pay", { args: "2", since }))[0]).toContain("pbx.AnswerForgotten");
    expect((await second.call(text(OTHER), "pay", { args: "3" }))[0]).toContain("paid 3");
    expect(bank.runs).toEqual(["pay 1", "pay 3"]);
  });
});

test("answers make place for others when their time is over, while one connection lasts", async () => {
  const { connect } = server({ keptAnswers: 2, keptAnswerMs: 1 });
  const caller = await connect();
  for (let call = 0; call < 6; call++) {
    if (call % 2 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const since = `${performance.now() / 1000}`;
    expect(await caller.call(text(`${KEY}${call}`), "pay", { args: `${call}`, since })).toEqual([
      expect.stringContaining(`paid ${call}`),
    ]);
  }
});

test("a call that was sent in the moment in which a forgotten one finished is refused", async () => {
  const clock = vi.spyOn(performance, "now").mockReturnValue(5_000);
  onTestFinished(() => clock.mockRestore());
  const { bank, connect } = server({ keptAnswerMs: 1000 });
  await (await connect()).call(text(KEY), "pay", { args: "1", since: "5.0" });
  clock.mockReturnValue(7_000);
  const caller = await connect();
  expect(await caller.call(text(OTHER), "pay", { args: "2", since: "5.0" })).toEqual([
    expect.stringContaining("pbx.AnswerForgotten"),
  ]);
  expect((await caller.call(text(OTHER), "pay", { args: "3", since: "5.5" }))[0]).toContain("paid 3");
  expect(bank.runs).toEqual(["pay 1", "pay 3"]);
});

test("an answer that the caller has confirmed is not forgotten a second time", async () => {
  const clock = vi.spyOn(performance, "now").mockReturnValue(5_000);
  onTestFinished(() => clock.mockRestore());
  const { bank, connect } = server({ keptAnswers: 2, keptAnswerMs: 1000 });
  const caller = await connect();
  await caller.call(text(KEY), "pay", { args: "1" });
  await caller.call(text(OTHER), "wait");
  await caller.forget(text(KEY));
  clock.mockReturnValue(7_000);
  await caller.call(text(`${OTHER}1`), "wait", { since: "6.0" });
  expect((await caller.call(text(`${KEY}1`), "pay", { since: "6.0" }))[0]).toContain("pbx.OnceRefused");
  expect(bank.runs).toEqual(["pay 1", "wait", "wait"]);
});

describe("the memory of answers", () => {
  const LIMIT = 40_000;
  const refused = expect.stringContaining("pbx.OnceRefused");
  const notKept = expect.stringContaining("pbx.AnswerNotKept");
  const long = (caller: Awaited<ReturnType<ReturnType<typeof server>["connect"]>>, key: string, length: number) =>
    caller.call(text(key), "long", { args: `${length}` });

  test("of one user is at most a quarter of the limit: larger ones are not kept, and then calls are refused", async () => {
    const { connect } = server({ keptAnswerBytes: LIMIT });
    const eve = await connect("eve");
    await long(eve, KEY, 9000);
    expect(await long(eve, KEY, 9000)).toEqual([expect.stringMatching(/^\(answer/)]);
    await long(eve, OTHER, 1000);
    expect(await long(eve, OTHER, 1000)).toEqual([notKept]);
    expect(await long(eve, `${KEY}1`, 1)).toEqual([refused]);
    await eve.forget(text(KEY));
    await long(eve, `${KEY}1`, 8000);
    expect(await long(eve, `${KEY}1`, 8000)).toEqual([expect.stringMatching(/^\(answer/)]);
  });

  test("of all users is at most the limit, and what is given back is free again", async () => {
    const { connect } = server({ keptAnswerBytes: LIMIT });
    const users = await Promise.all(["a", "b", "c", "d", "e", "f", "g", "h"].map((user) => connect(user)));
    for (const user of users.slice(0, 4)) await long(user, KEY, 9000);
    const [, , , , fifth, ...others] = users;
    await long(fifth!, KEY, 3000); // Its user has place for it, and all together have not.
    expect(await long(fifth!, KEY, 3000)).toEqual([notKept]);
    const answers = [];
    for (const user of others) answers.push(...(await long(user, KEY, 1)));
    expect(answers.at(-1)).toEqual(refused);
    for (const user of users.slice(0, 4)) await user.forget(text(KEY));
    for (const user of users.slice(4, 7)) {
      await long(user, OTHER, 8000);
      expect(await long(user, OTHER, 8000)).toEqual([expect.stringMatching(/^\(answer/)]);
    }
  });

  test("counts as memory of the process", async () => {
    const { connect } = server({ keptAnswerBytes: 2 ** 30, processHeapBytes: 1_000_000 });
    const keeper = await connect("ann");
    const keys = Array.from({ length: 12 }, (_, index) => `${KEY}${index}`);
    for (const key of keys) await long(keeper, key, 64_000);
    const large = `"${"a".repeat(400_000)}"`;
    const other = await connect("bob");
    await other.call(text(OTHER), "mine", { args: large }).catch(() => undefined);
    expect(await other.broker.closed).toMatchObject({ reason: "limit", cause: { limit: "processHeapBytes" } });
    for (const key of keys) await keeper.forget(text(key));
    const another = await connect("bob");
    expect(await another.call(text(`${OTHER}1`), "mine", { args: large })).toEqual([
      expect.stringMatching(/^\(answer/),
    ]);
  });
});

describe("a note that makes no sense", () => {
  test.each([
    ["a short key", text("abc"), "1"],
    ["a long key", text("a".repeat(65)), "1"],
    ["a key with other characters", text(`"${"a".repeat(31)} "`), "1"],
    ["a number as its key", "5", "1"],
    ["no time", text(KEY), "(None)"],
    ["text as its time", text(KEY), "(unicode soon)"],
  ])("has %s: its call does not run", async (_what, key, since) => {
    const { bank, connect } = server();
    expect((await (await connect()).call(key, "pay", { args: "1", since }))[0]).toContain("pbx.OnceRefused");
    expect(bank.runs).toEqual([]);
  });

  test("has the key of a call of another method: its call does not run", async () => {
    const { bank, connect } = server();
    const caller = await connect();
    await caller.call(text(KEY), "pay", { args: "1" });
    expect((await caller.call(text(KEY), "wait"))[0]).toContain("pbx.OnceRefused");
    expect(bank.runs).toEqual(["pay 1"]);
  });
});

test("a callee that keeps no answers says so, and ignores keys", async () => {
  const { bank, connect } = server({ keptAnswers: 0 });
  const caller = await connect();
  expect(caller.hello).not.toContain("once");
  await caller.call(text(KEY), "pay", { args: "1", since: "0" });
  await caller.call(text(KEY), "pay", { args: "1", since: "0" });
  expect(bank.runs).toEqual(["pay 1", "pay 1"]);
});
