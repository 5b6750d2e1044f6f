// The compliance checks for engines: what a cluster requires of each. They work with any test runner.

import type { ClusterEngine } from "../engine/engine.js";
import { EngineError, LogMovedError } from "../errors.js";

/** A system that engines share, such as a NATS server, as the checks use it. */
export interface EngineSystem {
  /** A new engine, connected. The checks close it. */
  engine(): Promise<ClusterEngine>;
  /** Cuts an engine off and resolves when its state is `away`. */
  disconnect(engine: ClusterEngine): Promise<void>;
  /** Ends that, and resolves when its state is `connected`. */
  reconnect(engine: ClusterEngine): Promise<void>;
  /** Resolves when the leases of an engine that is cut off have expired. */
  expire(engine: ClusterEngine): Promise<void>;
}

/** One compliance check. `run` rejects with an error that describes the failure. */
export interface EngineCheck {
  readonly name: string;
  readonly run: (system: EngineSystem) => Promise<void>;
}

/** How long to wait for an event. Only ends a hang, so it is long enough for a busy machine. */
const GIVE_UP_MS = 60_000;

let lastName = 0;
/** A name that no other check has used, in no other run. */
const fresh = (what: string): string => `${what}.${Date.now().toString(36)}-${++lastName}`;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (record: Uint8Array): string => new TextDecoder().decode(record);

/**
 * The checks. Run each of them:
 *
 * `for (const { name, run } of engineCompliance) test(name, () => run(system))`.
 */
export const engineCompliance: readonly EngineCheck[] = [
  check("numbers records upwards and delivers them to each follower", 2, async ([one, other]) => {
    const log = fresh("log");
    const first = await one.append(log, bytes("a"), 0);
    const followers = await Promise.all([one, other].map((engine) => Follower.of(engine, log)));
    const second = await other.append(log, bytes("b"), first);
    expect(second > first, `${second} is not after ${first}`);
    for (const follower of followers) await follower.reads(["a", "b"], [first, second]);
  }),

  check("follows a log that does not exist yet", 2, async ([one, other]) => {
    const log = fresh("log");
    const follower = await Follower.of(other, log);
    const number = await one.append(log, bytes("a"), 0);
    await follower.reads(["a"], [number]);
  }),

  check("has delivered what a log kept when follow resolves", 2, async ([one, other]) => {
    const log = fresh("log");
    let last = 0;
    for (let index = 0; index < 50; index++) last = await one.append(log, bytes(`${index}`), last);
    const follower = await Follower.of(other, log);
    expect(follower.records.length === 50, `${follower.records.length} of 50 records were delivered`);
  }),

  check("appends nothing after a wrong number", 2, async ([one, other]) => {
    const log = fresh("log");
    const follower = await Follower.of(one, log);
    const first = await one.append(log, bytes("a"), 0);
    await rejects(other.append(log, bytes("x"), 0), LogMovedError);
    await rejects(other.append(log, bytes("x"), first + 1), LogMovedError);
    const second = await other.append(log, bytes("b"), first);
    await rejects(one.append(log, bytes("x"), first), LogMovedError);
    await follower.reads(["a", "b"], [first, second]);
  }),

  check("lets one of several engines append after the same record", 3, async (engines) => {
    const log = fresh("log");
    let last = 0;
    for (let round = 0; round < 10; round++) {
      const all = await Promise.allSettled(engines.map((engine, index) => engine.append(log, bytes(`${index}`), last)));
      const won = all.filter((result) => result.status === "fulfilled");
      expect(won.length === 1, `${won.length} engines have appended after ${last}`);
      last = won[0]!.value;
    }
  }),

  check("drops the earlier records when it replaces them", 2, async ([one, other]) => {
    const log = fresh("log");
    const early = await Follower.of(other, log);
    let last = await one.append(log, bytes("a"), 0);
    last = await one.append(log, bytes("b"), last);
    await early.reads(["a", "b"]);
    await rejects(other.append(log, bytes("x"), 0, { replace: true }), LogMovedError);
    last = await one.append(log, bytes("c"), last, { replace: true });
    await one.append(log, bytes("d"), last);
    await (await Follower.of(other, log)).reads(["c", "d"]);
    await early.reads(["a", "b", "c", "d"]);
  }),

  check("delivers nothing after a follower was closed", 1, async ([engine]) => {
    const log = fresh("log");
    const closed = await Follower.of(engine, log);
    const open = await Follower.of(engine, log);
    closed.close();
    await engine.append(log, bytes("a"), 0);
    await open.reads(["a"]);
    expect(closed.records.length === 0, "a closed follower got a record");
  }),

  check("follows on after it was away: in order, no gap, none twice", 2, async ([one, other], system) => {
    const log = fresh("log");
    let last = await one.append(log, bytes("a"), 0);
    const follower = await Follower.of(other, log);
    await system.disconnect(other);
    for (const record of ["b", "c", "d"]) last = await one.append(log, bytes(record), last);
    await system.reconnect(other);
    await one.append(log, bytes("e"), last);
    await follower.reads(["a", "b", "c", "d", "e"]);
  }),

  check("rejects an append while it is away", 2, async ([one, other], system) => {
    const log = fresh("log");
    await system.disconnect(other);
    await rejects(other.append(log, bytes("x"), 0), EngineError);
    await system.reconnect(other);
    // It may have been appended nevertheless: then the log has moved.
    const first = await one.append(log, bytes("a"), 0).catch((error: unknown) => error);
    expect(typeof first === "number" || first instanceof LogMovedError, `it rejected with ${String(first)}`);
  }),

  check("refuses records and messages that are too large", 1, async ([engine]) => {
    const large = new Uint8Array(engine.maxBytes + 1);
    const log = fresh("log");
    const isTooLarge = (error: unknown): boolean => error instanceof EngineError && error.code === "ENGINE_TOO_LARGE";
    const error: unknown = await engine.append(log, large, 0).catch((reason: unknown) => reason);
    expect(isTooLarge(error), `append rejected with ${String(error)}`);
    let thrown: unknown;
    try {
      engine.send(fresh("subject"), large);
    } catch (reason) {
      thrown = reason;
    }
    expect(isTooLarge(thrown), `send threw ${String(thrown)}`);
    await engine.append(log, new Uint8Array(engine.maxBytes), 0);
  }),

  check("gives a key to one engine until it is released", 2, async ([one, other]) => {
    const key = fresh("key");
    const seen = new Watcher(other, key.split(".")[0]!, key);
    const lease = await one.claim(key, "one");
    expect(lease !== undefined, "a free key was not given");
    expect((await other.claim(key, "other")) === undefined, "a key was given twice");
    expect((await one.claim(key, "again")) === undefined, "a key was given to the same engine twice");
    await seen.holds("one");
    await lease!.release();
    expect(lease!.lost.aborted, "a released lease is not lost");
    await seen.holds(undefined);
    expect((await other.claim(key, "other")) !== undefined, "a released key was not given");
    await lease!.release(); // Does not release the key of the other engine.
    expect((await one.claim(key, "one")) === undefined, "a key was released by an engine that did not hold it");
    await seen.holds("other");
    seen.stop();
  }),

  check("tells a new watcher the holders of all keys with the prefix", 2, async ([one, other]) => {
    const prefix = fresh("key");
    await one.claim(`${prefix}.a`, "holder of a");
    await one.claim(`${prefix}.b`, "holder of b");
    await one.claim(`${prefix}x.c`, "another prefix");
    const holders = new Map<string, string | undefined>();
    const stop = other.watch(prefix, (key, holder) => void holders.set(key, holder));
    await until(() => holders.size === 2, "the watcher knows two keys");
    expect(holders.get(`${prefix}.a`) === "holder of a", "a key has another holder");
    expect(!holders.has(`${prefix}x.c`), "a key with another prefix was watched");
    stop();
  }),

  check("frees the keys of an engine that is cut off", 2, async ([one, other], system) => {
    const key = fresh("key");
    const lease = await one.claim(key, "one");
    await system.disconnect(one);
    await system.expire(one);
    expect((await other.claim(key, "other")) !== undefined, "an expired key was not given");
    await system.reconnect(one);
    await until(() => lease!.lost.aborted, "the engine has noticed that its lease is lost");
  }),

  check("frees the keys of an engine that is closed, at once", 2, async ([one, other]) => {
    const key = fresh("key");
    const lease = await one.claim(key, "one");
    await one.close();
    expect(lease!.lost.aborted, "the lease of a closed engine is not lost");
    expect((await other.claim(key, "other")) !== undefined, "the key of a closed engine was not given");
  }),

  check("sends messages to all engines that listen", 2, async ([one, other]) => {
    const subject = fresh("subject");
    const heard: string[] = [];
    const stops = [one, other].map((engine, index) =>
      engine.listen(subject, (message) => heard.push(`${index} ${text(message)}`)),
    );
    const another = other.listen(fresh("subject"), () => heard.push("another subject"));
    // Another engine may learn of a new listener later.
    await until(() => {
      if (new Set(heard).size < 2) one.send(subject, bytes("a"));
      return heard.includes("0 a") && heard.includes("1 a");
    }, "both have heard it");
    for (const stop of [...stops, another]) stop();
    expect(!heard.includes("another subject"), "a message of another subject was heard");
  }),

  check("rejects everything after it was closed", 1, async ([engine]) => {
    const states: string[] = [];
    engine.onState((state) => void states.push(state));
    await engine.close();
    await engine.close();
    expect(engine.state === "closed" && states.join() === "closed", `its states were ${states.join()}`);
    await rejects(engine.append(fresh("log"), bytes("a"), 0), EngineError);
    await rejects(
      engine.follow(fresh("log"), () => undefined),
      EngineError,
    );
    await rejects(engine.claim(fresh("key"), "one"), EngineError);
  }),
];

type Engines = [ClusterEngine, ClusterEngine, ClusterEngine];

function check(
  name: string,
  count: 1 | 2 | 3,
  run: (engines: Engines, system: EngineSystem) => Promise<void>,
): EngineCheck {
  return {
    name,
    async run(system) {
      const engines: ClusterEngine[] = [];
      try {
        while (engines.length < count) engines.push(await system.engine());
        await run(engines as Engines, system);
      } finally {
        await Promise.all(engines.map((engine) => engine.close()));
      }
    },
  };
}

/** The records that one follower has got. */
class Follower {
  readonly records: { readonly text: string; readonly number: number }[] = [];
  close: () => void = () => undefined;

  static async of(engine: ClusterEngine, log: string): Promise<Follower> {
    const follower = new Follower();
    const following = await engine.follow(log, (record, number) => {
      follower.records.push({ text: text(record), number });
    });
    follower.close = () => following.close();
    return follower;
  }

  /** Waits until it has these records, and no others. */
  async reads(expected: readonly string[], numbers?: readonly number[]): Promise<void> {
    const last = expected.at(-1);
    await until(() => this.records.at(-1)?.text === last, `the record ${last ?? ""} was delivered`);
    const texts = this.records.map((record) => record.text);
    expect(texts.join() === expected.join(), `the records are ${texts.join()} and not ${expected.join()}`);
    const actual = this.records.map(({ number }) => number);
    if (numbers !== undefined)
      expect(actual.join() === numbers.join(), `the numbers are ${actual.join()} and not ${numbers.join()}`);
  }
}

/** The last known holder of a key. */
class Watcher {
  readonly stop: () => void;
  #holder: string | undefined;

  constructor(engine: ClusterEngine, prefix: string, watched: string) {
    this.stop = engine.watch(prefix, (key, holder) => {
      if (key === watched) this.#holder = holder;
    });
  }

  async holds(holder: string | undefined): Promise<void> {
    await until(() => this.#holder === holder, `the watcher knows the holder ${holder ?? "none"}`);
  }
}

function expect(isTrue: boolean, problem: string): void {
  if (!isTrue) throw new Error(problem);
}

async function rejects(promise: Promise<unknown>, type: abstract new (...args: never[]) => Error): Promise<void> {
  const error: unknown = await promise.then(
    (value) => new Error(`it resolved with ${String(value)}`),
    (reason: unknown) => reason,
  );
  expect(error instanceof type, `expected a ${type.name}: ${String(error)}`);
}

/** Resolves when the condition is true. Rejects after a minute. */
async function until(isTrue: () => boolean, what: string): Promise<void> {
  const end = performance.now() + GIVE_UP_MS;
  while (!isTrue()) {
    if (performance.now() > end) throw new Error(`Not within ${GIVE_UP_MS} ms: ${what}`);
    await new Promise<void>((resolve) => setTimeout(resolve, 1));
  }
}
