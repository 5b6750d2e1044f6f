// npm run bench -- tap: the call rate through `pb tap`, beside that through a plain TCP proxy.

import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { RemoteReference } from "@pb/broker";
import { connect } from "@pb/node-transport";
import { compare } from "../paired.js";
import type { Contender } from "../paired.js";
import { Program, typescript } from "../../process/program.js";

/** The part of the rate of a plain proxy that `pb tap` must reach. */
const TARGET = 0.8;

const program = "tools/bench/tap/program.ts";
const pb = "tools/bench/tap/pb.ts";

export async function benchTap(rounds: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "pb-tap-"));
  const programs: Program[] = [];
  const start = async (name: string, file: string, ...args: string[]): Promise<Program> => {
    const started = new Program(name, typescript(file, ...args), { timeoutMs: 3_600_000 });
    programs.push(started);
    return started;
  };
  const portOf = async (running: Program): Promise<Place> => {
    const { listening } = await running.nextJson<{ listening: number }>();
    return { port: listening, pid: running.pid };
  };
  const tap = async (...args: string[]): Promise<Place> => {
    const running = await start("pb tap", pb, "tap", "--listen", "tcp:0", "--to", `tcp:127.0.0.1:${port}`, ...args);
    while (!running.stderr.includes("listening")) {
      if (running.hasExited) throw new Error(`pb tap has ended: ${running.stderr}`);
      await sleep(10);
    }
    return { port: Number(/listening at tcp:(\d+)/.exec(running.stderr)![1]), pid: running.pid };
  };
  const { port } = await portOf(await start("the server", program, "server"));
  try {
    const places = {
      "plain proxy": await portOf(await start("the proxy", program, "proxy", String(port))),
      "pb tap": await tap(),
      "pb tap -o": await tap("-o", join(folder, "a.pbrec"), "--quiet"),
      "pb tap --quiet": await tap("--quiet"),
    };
    for (const load of loads) await compareAt(load, places, rounds);
  } finally {
    for (const running of programs) await running.stop();
    rmSync(folder, { recursive: true });
  }
}

/** A program between the client and the server. */
interface Place {
  readonly port: number;
  readonly pid: number;
}

type Load = "one call at a time" | "100 calls in flight" | "calls without answers";
const loads: readonly Load[] = ["one call at a time", "100 calls in flight", "calls without answers"];

async function compareAt(load: Load, places: Readonly<Record<string, Place>>, rounds: number): Promise<void> {
  const contenders: Contender[] = [];
  const connections: { close(): Promise<unknown> }[] = [];
  for (const [name, { port, pid }] of Object.entries(places)) {
    const connection = await connect(`tcp:127.0.0.1:${port}`);
    connections.push(connection);
    const root = await connection.getRootObject();
    const run = async (times: number) => {
      const begin = performance.now();
      if (load === "calls without answers") await send(root, times);
      else await call(root, times, load === "one call at a time" ? 1 : 100);
      const seconds = (performance.now() - begin) / 1000;
      // Not while the contender is warmed up with a few calls at a time.
      const cpu = seconds < 0.1 ? 0 : await settledCpu(pid);
      return { seconds, cpu };
    };
    contenders.push({ name, run });
  }
  console.log(`${load}:`);
  for (const { name, seconds, ratio } of await compare(contenders, { rounds, seconds: 0.3, warmUp: 1 })) {
    const part = 1 / ratio.median;
    const rate = `${Math.round(1 / seconds.median)} calls/s`.padStart(16);
    const reached = name === "plain proxy" ? "" : part >= TARGET ? "  reached" : "  NOT REACHED";
    console.log(
      `  ${name.padEnd(16)}${rate}  ${part.toFixed(2)} of the plain proxy (${(1 / ratio.high).toFixed(2)} to ${(1 / ratio.low).toFixed(2)})${reached}`,
    );
  }
  for (const connection of connections) await connection.close();
}

async function call(root: RemoteReference, times: number, inFlight: number): Promise<void> {
  let left = times;
  const caller = async (): Promise<void> => {
    while (left-- > 0) await root.callRemote("echo", "some text", 12);
  };
  await Promise.all(Array.from({ length: inFlight }, caller));
}

/** Every hundredth call has an answer, so that the server is at most 200 calls behind. */
async function send(root: RemoteReference, times: number): Promise<void> {
  let last: Promise<unknown> = Promise.resolve();
  for (let left = times; left > 0; left--) {
    if (left % 100 !== 1) root.sendRemote("echo", "some text", 12);
    else {
      await last;
      last = root.callRemote("echo", "some text", 12);
    }
  }
  await last;
}

/**
 * Resolves when the process waits for events, so that what it still decodes slows nothing else down. Returns its
 * seconds of processor time so far; 0 where the system does not tell them.
 */
async function settledCpu(pid: number): Promise<number> {
  const file = `/proc/${pid}/stat`;
  if (!existsSync(file)) return 0;
  const ticks = (): number => {
    const fields = readFileSync(file, "latin1").split(") ")[1]!.split(" ");
    return Number(fields[11]) + Number(fields[12]);
  };
  for (let before = ticks(); ;) {
    await sleep(60);
    const now = ticks();
    if (now <= before) return now / 100;
    before = now;
  }
}
