/**
 * Measures the memory that a call takes, how much of it stays in use, and how much memory idle connections and idle
 * writers keep in use.
 * Prints bytes, as JSON, for gate.test.ts. Needs --expose-gc, and --single-threaded: otherwise V8 frees array buffers
 * in another thread, some time after it collected them.
 */

import { BananaWriter, encode } from "@pb/banana";
import { Root } from "@pb/broker";
import { BrokerConfig } from "@pb/broker/extension";
import { connectedPair } from "@pb/broker/testing";
import { note } from "./calls/library.js";

export interface Memory {
  /** Bytes that one call allocates at both sides together. */
  readonly allocated: number;
  /** Bytes of them that are in use after a garbage collection. */
  readonly retained: number;
  /** Bytes that both brokers of an idle connection keep in use together, after one call and without a transport. */
  readonly idle: number;
  /** Bytes that each case keeps in use. */
  readonly kept: Readonly<Record<string, number>>;
}

class Echo extends Root {
  remote_echo(value: unknown): unknown {
    return value;
  }
}

const CALLS = 5000;
const CONNECTIONS = 200;
const WRITERS = 20;
const HALF_MEGABYTE = new Uint8Array(500_000);
const collectGarbage = (globalThis as unknown as { gc: () => void }).gc;

function usedBytes(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** The memory of array buffers is freed a little after they are collected. */
async function usedAfterCollection(): Promise<number> {
  for (let times = 0; times < 3; times++) {
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return usedBytes();
}

async function measureIdle(): Promise<number> {
  const [server, client] = [new BrokerConfig({ root: new Echo() }), new BrokerConfig()];
  const connect = async (): Promise<unknown> => {
    const pair = await connectedPair(server, client, { isRecorded: false });
    const echo = await pair.client.getRootObject<Echo>();
    await echo.callRemote("echo", note);
    return [pair, echo];
  };
  for (let left = CONNECTIONS; left > 0; left--) await connect(); // until V8 has compiled the code
  const before = await usedAfterCollection();
  const pairs: unknown[] = [];
  for (let left = CONNECTIONS; left > 0; left--) pairs.push(await connect());
  const after = await usedAfterCollection();
  return (after - before) / pairs.splice(0).length;
}

async function measureCalls(): Promise<Pick<Memory, "allocated" | "retained">> {
  const pair = await connectedPair({ root: new Echo() }, {}, { isRecorded: false });
  const echo = await pair.client.getRootObject<Echo>();
  const call = async (times: number): Promise<void> => {
    for (let left = times; left > 0; left--) await echo.callRemote("echo", note);
  };
  await call(20_000); // until V8 has optimized the code, which then allocates less
  const before = await usedAfterCollection();
  await call(CALLS);
  const after = usedBytes();
  const retained = await usedAfterCollection();
  return { allocated: (after - before) / CALLS, retained: (retained - before) / CALLS };
}

/**
 * Bytes of array buffers that stay in use while the result of `work` is alive. The heap is not counted: V8 itself grows
 * and shrinks it by some hundred kilobytes, when it optimizes code.
 */
async function keptBy(work: () => unknown): Promise<number> {
  await usedAfterCollection();
  const before = process.memoryUsage().arrayBuffers;
  const results = [work()];
  await usedAfterCollection();
  const after = process.memoryUsage().arrayBuffers;
  results.pop(); // keeps the result alive until here
  return after - before;
}

/** Writers that each wrote a megabyte, which was taken. */
function writeLarge(take: "take" | "takeView"): BananaWriter[] {
  return Array.from({ length: WRITERS }, () => {
    const writer = new BananaWriter();
    writer.bytes(HALF_MEGABYTE);
    writer.bytes(HALF_MEGABYTE);
    writer[take]();
    return writer;
  });
}

/** The same writers write two more bytes each. Another writer then uses the rest of the last buffer. */
function writeLargeThenSmall(take: "take" | "takeView"): { writers: BananaWriter[]; small: Uint8Array[] } {
  const other = new BananaWriter();
  other.integer(1);
  const writers = writeLarge(take);
  const small = writers.map((writer) => {
    writer.integer(1);
    return writer[take]();
  });
  other.take();
  return { writers, small };
}

const cases: Record<string, () => unknown> = {
  "after a view of a megabyte": () => writeLarge("takeView"),
  "after a copy of a megabyte": () => writeLarge("take"),
  "after a megabyte and a small view": () => writeLargeThenSmall("takeView").writers,
  "after a megabyte and a small copy": () => writeLargeThenSmall("take").writers,
  "while small views are in use, after views of a megabyte": () => writeLargeThenSmall("takeView").small,
  "after `encode` of ten megabytes": () => void encode(Array<Uint8Array>(20).fill(HALF_MEGABYTE)),
};
const calls = await measureCalls();
const idle = await measureIdle();
const kept: Record<string, number> = {};
for (const [name, work] of Object.entries(cases)) kept[name] = await keptBy(work);
console.log(JSON.stringify({ ...calls, idle, kept } satisfies Memory));
process.exit();
