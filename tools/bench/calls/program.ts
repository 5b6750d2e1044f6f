/** The program of a contender that runs in Node: `server`, or `client PORT`. It does what it is asked on stdin. */

import { strict as assert } from "node:assert";
import { createInterface } from "node:readline";
import { garbageCollector } from "../../gc/garbage-collector.js";
import { BYTES, credentials, note } from "./session.js";
import type { Library, Session } from "./session.js";

/** Does something that many times. */
type Action = (times: number) => Promise<void>;

const CALLS_IN_FLIGHT = 100;

/** The number of one-way calls after which the client checks that all have arrived. */
const ONE_WAY_BATCH = 10_000;

export async function run(library: Library): Promise<never> {
  const [side, port] = process.argv.slice(2);
  if (side === "server") return await answer({ port: await library.serve() }, {});
  return await answer({}, await clientActions(library, Number(port)));
}

/** Prints `facts`, then performs the actions that are named on stdin until stdin ends. */
async function answer(facts: object, actions: Readonly<Record<string, Action>>): Promise<never> {
  console.log(JSON.stringify(facts));
  for await (const line of createInterface({ input: process.stdin })) {
    const { action, times } = JSON.parse(line) as { action: string; times: number };
    const cpuBefore = cpuSeconds();
    const start = performance.now();
    await actions[action]?.(times);
    const seconds = (performance.now() - start) / 1e3;
    const cpuTotal = cpuSeconds();
    const memory = action === "memory" ? usedBytes() : undefined;
    console.log(JSON.stringify({ seconds, cpu: cpuTotal - cpuBefore, cpuTotal, memory }));
  }
  process.exit();
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Bytes on the heap and in buffers after a garbage collection. */
function usedBytes(): number {
  const collectGarbage = garbageCollector();
  for (let times = 0; times < 3; times++) collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function clientActions(library: Library, port: number): Promise<Record<string, Action>> {
  const session = await library.connect(port);
  await check(session);
  const open: Session[] = [];

  const repeated =
    (work: () => Promise<unknown>): Action =>
    async (times) => {
      for (let left = times; left > 0; left--) await work();
    };
  const updates = (count: number): Action => {
    let update: Action | undefined;
    return async (times) => await (update ??= await connectObservers(library, port, count, session))(times);
  };

  return {
    one: repeated(() => session.echo(note)),
    hundred: (times) => inFlight(times, () => session.echo(note)),
    reference: repeated(() => session.reference()),
    async "one-way"(times) {
      for (let left = times; left > 0; left -= ONE_WAY_BATCH) {
        const count = Math.min(left, ONE_WAY_BATCH);
        for (let made = 0; made < count; made++) session.notify(note);
        assert.equal(await session.notified(), count);
      }
    },
    bytes: repeated(() => session.bytes()),
    "updates-1": updates(1),
    "updates-100": updates(100),
    login: repeated(async () => (await library.connect(port, credentials)).close()),
    /** Opens connections that stay open. */
    connect: repeated(async () => open.push(await library.connect(port))),
    async disconnect() {
      await Promise.all(open.splice(0).map((each) => each.close()));
    },
    hold: (times) => session.hold!(times),
    /** Calls in flight, on all open connections in turn. */
    spread(times) {
      let next = 0;
      return inFlight(times, () => open[next++ % open.length]!.echo(note));
    },
  };
}

/** Checks once that the contender does the work: a contender that skips it would be fast. */
async function check(session: Session): Promise<void> {
  assert.deepEqual({ ...((await session.echo(note)) as object) }, note);
  assert.equal(await session.reference(), 42);
  session.notify(note);
  assert.equal(await session.notified(), 1);
  assert.equal(await session.bytes(), BYTES);
}

async function inFlight(times: number, call: () => Promise<unknown>): Promise<void> {
  let left = times;
  const caller = async (): Promise<void> => {
    while (left-- > 0) await call();
  };
  await Promise.all(Array.from({ length: Math.min(times, CALLS_IN_FLIGHT) }, caller));
}

/** Connects clients that each keep a copy of one object. The result makes the object change, and waits for all copies. */
async function connectObservers(library: Library, port: number, count: number, caller: Session): Promise<Action> {
  const group = `observed by ${count}`;
  /** A copy that is garbage collected is released: the sessions keep the copies alive. */
  const sessions: Session[] = [];
  let missing = 0;
  let allSeen: (() => void) | undefined;
  while (sessions.length < count) {
    const session = await library.connect(port);
    await session.watch(group, () => {
      if (--missing === 0) allSeen?.();
    });
    sessions.push(session);
  }
  return async (times) => {
    missing = times * sessions.length;
    const seen = new Promise<void>((resolve) => (allSeen = resolve));
    await caller.update(group, times);
    await seen;
  };
}
