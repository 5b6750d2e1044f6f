// What memory a call takes, of both sides together, how much of it is left, and how much writers hold: numbers of bytes, as JSON on stdout.
// Run with --expose-gc.

import { BananaWriter, encode } from "@pb/banana";
import { Root } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { note } from "./calls/work.js";
import { takenBytes } from "./measure.js";

/** What the gate is told. */
export interface Told {
  /** Bytes that one call takes, garbage included. */
  readonly allocated: number;
  /** Bytes of it that are left after a collection. */
  readonly retained: number;
  /** What is still held of what writers wrote, case by case. */
  readonly held: Readonly<Record<string, number>>;
}

class Echo extends Root {
  remote_echo(value: unknown): unknown {
    return value;
  }
}

const CALLS = 5000;
const WRITERS = 20;
const HALF_MEGABYTE = new Uint8Array(500_000);
const collectGarbage = (globalThis as unknown as { gc: () => void }).gc;

/** Memory of buffers is given back a little after they are collected. */
async function collected(): Promise<number> {
  for (let times = 0; times < 3; times++) {
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return takenBytes();
}

async function measureCalls(): Promise<Pick<Told, "allocated" | "retained">> {
  const pair = await connectedPair({ root: new Echo() }, {}, { isRecorded: false });
  const echo = await pair.client.getRootObject<Echo>();
  const call = async (times: number): Promise<void> => {
    for (let left = times; left > 0; left--) await echo.callRemote("echo", note);
  };
  await call(20_000); // until what is hot is compiled, which takes less
  const before = await collected();
  await call(CALLS);
  const after = takenBytes();
  const left = await collected();
  return { allocated: (after - before) / CALLS, retained: (left - before) / CALLS };
}

/** What is held after `work`, of what it made and of what it returned. */
async function held(work: () => unknown): Promise<number> {
  const before = await collected();
  const made = [work()];
  const after = await collected();
  made.pop(); // not before
  return after - before;
}

/** Some writers that each wrote a megabyte, which was taken. */
function writeLarge(take: "take" | "takeView"): BananaWriter[] {
  const writers = Array.from({ length: WRITERS }, () => new BananaWriter());
  for (const writer of writers) {
    writer.bytes(HALF_MEGABYTE);
    writer.bytes(HALF_MEGABYTE);
    writer[take]();
  }
  return writers;
}

/** The same, which then wrote two bytes, while somebody else has what is left of the last buffer. */
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

const calls = await measureCalls();
const told: Told = {
  ...calls,
  held: {
    "writers, after a view of a megabyte": await held(() => writeLarge("takeView")),
    "writers, after a copy of a megabyte": await held(() => writeLarge("take")),
    "writers, after a megabyte and a small view": await held(() => writeLargeThenSmall("takeView").writers),
    "writers, after a megabyte and a small copy": await held(() => writeLargeThenSmall("take").writers),
    "small views, after views of a megabyte": await held(() => writeLargeThenSmall("takeView").small),
    "nothing, after `encode` of ten megabytes": await held(
      () => void encode(Array<Uint8Array>(20).fill(HALF_MEGABYTE)),
    ),
  },
};
console.log(JSON.stringify(told));
process.exit();
