/** The program of a contender in Node: `server [WORKERS]` or `client PORT`. It does what it is asked on stdin. */

import { strict as assert } from "node:assert";
import cluster from "node:cluster";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { garbageCollector } from "../../gc/garbage-collector.js";
import type { Latency, Memory } from "./contender.js";
import { credentials, MEGABYTE, note } from "./library.js";
import type { Client, Library } from "./library.js";

/** Does something that many times. Resolves with the {@link Latencies} of its calls, where these are measured. */
type Action = (times: number) => Promise<unknown>;

const CALLS_IN_FLIGHT = 100;

/** Ten bytes. */
const TEXT = "short text";

/** The number of one-way calls after which the client checks that all have arrived. */
const ONE_WAY_BATCH = 10_000;

export async function run(library: Library): Promise<never> {
  const [side, number] = process.argv.slice(2);
  if (cluster.isWorker) return await work(library);
  if (side === "client") return await answer([], await clientActions(library, Number(number)));
  return await answer([number === undefined ? await library.serve() : await startWorkers(Number(number))], {});
}

/** Starts that many processes that serve. Resolves with their common port: node:cluster gives all the same free one. */
async function startWorkers(count: number): Promise<number> {
  const ports: unknown[] = [];
  for (let left = count; left > 0; left--) ports.push((await once(cluster.fork(), "message"))[0]);
  assert.equal(new Set(ports).size, 1);
  return ports[0] as number;
}

/** A worker prints nothing: it sends its port, and its processor time when the server asks for it. */
async function work(library: Library): Promise<never> {
  const port = await library.serve();
  process.on("message", () => process.send!(cpuSeconds()));
  process.send!(port);
  return await new Promise(() => undefined);
}

/** The processor time of this process and its workers. */
async function cpuOfAll(): Promise<number> {
  const ofWorkers = Object.values(cluster.workers ?? {}).map(async (worker) => {
    const answered = once(worker!, "message");
    worker!.send("cpu");
    return (await answered)[0] as number;
  });
  return (await Promise.all(ofWorkers)).reduce((sum, each) => sum + each, cpuSeconds());
}

/** Prints the ports of a server, then performs the actions that are named on stdin until stdin ends. */
async function answer(ports: readonly number[], actions: Readonly<Record<string, Action>>): Promise<never> {
  console.log(JSON.stringify(ports));
  for await (const line of createInterface({ input: process.stdin })) {
    const { action, times } = JSON.parse(line) as { action: string; times: number };
    const cpuBefore = await cpuOfAll();
    const start = performance.now();
    if (!["", "memory"].includes(action)) assert(action in actions, `There is no action ${action}`);
    const latencies = await actions[action]?.(times);
    const seconds = (performance.now() - start) / 1e3;
    const cpuTotal = await cpuOfAll();
    const memory = action === "memory" ? memoryInUse() : undefined;
    const latency = latencies instanceof Latencies ? latencies.summary() : undefined;
    console.log(JSON.stringify({ seconds, cpu: cpuTotal - cpuBefore, cpuTotal, latency, memory }));
  }
  process.exit();
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function memoryInUse(): Memory {
  const collectGarbage = garbageCollector();
  for (let times = 0; times < 3; times++) collectGarbage();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { used: heapUsed + external, resident: rss };
}

/** The milliseconds of each call. */
class Latencies {
  readonly #all: number[] = [];

  add(milliseconds: number): void {
    this.#all.push(milliseconds);
  }

  summary(): Latency {
    const sorted = Float64Array.from(this.#all).sort();
    const at = (part: number): number => sorted[Math.ceil(part * sorted.length) - 1]!;
    return { p50: at(0.5), p99: at(0.99), p999: at(0.999) };
  }
}

async function clientActions(library: Library, port: number): Promise<Record<string, Action>> {
  const client = await library.connect(port);
  await check(client);
  const open: Client[] = [];

  const repeated =
    (work: () => Promise<unknown>): Action =>
    async (times) => {
      for (let left = times; left > 0; left--) await work();
    };
  return {
    one: repeated(() => client.call("echo", note)),
    text: repeated(() => client.call("echo", TEXT)),
    hundred: (times) => inFlight(times, () => client.call("echo", note)),
    reference: repeated(() => reference(client)),
    async "one-way"(times) {
      for (let left = times; left > 0; left -= ONE_WAY_BATCH) {
        const count = Math.min(left, ONE_WAY_BATCH);
        for (let made = 0; made < count; made++) client.send("notify", note);
        assert.equal(await client.call("notified"), count);
      }
    },
    bytes: repeated(() => client.call("bytes")),
    "updates-1": observed(library, port, client, 1),
    "updates-100": observed(library, port, client, 100),
    login: repeated(async () => (await library.connect(port, credentials)).close()),
    /** Opens connections that stay open. */
    connect: repeated(async () => open.push(await library.connect(port))),
    async disconnect() {
      await Promise.all(open.splice(0).map((each) => each.close()));
    },
    /** Makes the server pass that many more references, which stay alive. */
    async hold(times) {
      await client.call("hold", times);
    },
    /** Calls in flight, on all open connections in turn. */
    spread(times) {
      let next = 0;
      return inFlight(times, () => open[next++ % open.length]!.call("echo", note));
    },
    /** All open connections have one call in flight. */
    crowd: (times) => timed(times, open),
    /** One of the open connections calls, one call at a time. */
    active: (times) => timed(times, open.slice(0, 1)),
  };
}

/** Checks once that the contender does the work: a contender that skips it would be fast. */
async function check(client: Client): Promise<void> {
  assert.deepEqual({ ...((await client.call("echo", note)) as object) }, note);
  assert.equal(await reference(client), 42);
  client.send("notify", note);
  assert.equal(await client.call("notified"), 1);
  assert.equal(((await client.call("bytes")) as Uint8Array).length, MEGABYTE.length);
}

async function reference(client: Client): Promise<unknown> {
  if (client.reference !== undefined) return await client.reference();
  const handle = await client.call("open");
  const result = await client.call("look", handle);
  client.send("release", handle);
  return result;
}

/** Calls over each of the connections, one call at a time. */
async function timed(times: number, clients: readonly Client[]): Promise<Latencies> {
  const latencies = new Latencies();
  let left = times;
  const caller = async (client: Client): Promise<void> => {
    while (left-- > 0) {
      const start = performance.now();
      await client.call("echo", note);
      latencies.add(performance.now() - start);
    }
  };
  await Promise.all(clients.map(caller));
  return latencies;
}

async function inFlight(times: number, call: () => Promise<unknown>): Promise<void> {
  let left = times;
  const caller = async (): Promise<void> => {
    while (left-- > 0) await call();
  };
  await Promise.all(Array.from({ length: Math.min(times, CALLS_IN_FLIGHT) }, caller));
}

/** Makes the server change an object, and waits until that many clients, each with a copy of it, have seen that. */
function observed(library: Library, port: number, caller: Client, count: number): Action {
  const group = `observed by ${count}`;
  /** A copy that is garbage collected is released: this list keeps the copies alive. */
  const observers: Client[] = [];
  let missing = 0;
  let allSeen: (() => void) | undefined;
  const changed = (): void => {
    if (--missing === 0) allSeen?.();
  };
  return async (times) => {
    while (observers.length < count) {
      const observer = await library.connect(port);
      await observer.observe(group, changed);
      observers.push(observer);
    }
    missing = times * count;
    const seen = new Promise<void>((resolve) => (allSeen = resolve));
    await caller.call("update", { group, count: times });
    await seen;
  };
}
