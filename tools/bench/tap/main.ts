// npm run bench -- tap: the call rate through `pb tap`, beside that through a plain TCP proxy.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "@pb/node-transport";
import { compare } from "../paired.js";
import type { Contender } from "../paired.js";
import { Program, typescript } from "../../process/program.js";

/** The part of the rate of a plain proxy that `pb tap` must reach. */
const TARGET = 0.8;

const program = "tools/bench/tap/program.ts";
const pb = "packages/cli/bin/pb.js";

export async function benchTap(rounds: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "pb-tap-"));
  const programs: Program[] = [];
  const start = async (name: string, file: string, ...args: string[]): Promise<Program> => {
    const started = new Program(name, typescript(file, ...args), { timeoutMs: 3_600_000 });
    programs.push(started);
    return started;
  };
  const portOf = async (running: Program): Promise<number> =>
    (await running.nextJson<{ listening: number }>()).listening;
  const tap = async (...args: string[]): Promise<number> => {
    const running = await start("pb tap", pb, "tap", "--listen", "tcp:0", "--to", `tcp:127.0.0.1:${port}`, ...args);
    while (!running.stderr.includes("listening")) await new Promise((resolve) => setTimeout(resolve, 10));
    return Number(/listening at tcp:(\d+)/.exec(running.stderr)![1]);
  };
  const port = await portOf(await start("the server", program, "server"));
  try {
    const ports = {
      "plain proxy": await portOf(await start("the proxy", program, "proxy", String(port))),
      "pb tap": await tap(),
      "pb tap -o": await tap("-o", join(folder, "a.pbrec"), "--quiet"),
      "pb tap --quiet": await tap("--quiet"),
    };
    for (const inFlight of [1, 100]) await compareAt(inFlight, ports, rounds);
  } finally {
    for (const running of programs) await running.stop();
    rmSync(folder, { recursive: true });
  }
}

async function compareAt(inFlight: number, ports: Readonly<Record<string, number>>, rounds: number): Promise<void> {
  const contenders: Contender[] = [];
  const connections: { close(): Promise<unknown> }[] = [];
  for (const [name, port] of Object.entries(ports)) {
    const connection = await connect(`tcp:127.0.0.1:${port}`);
    connections.push(connection);
    const root = await connection.getRootObject();
    const run = async (times: number) => {
      const begin = performance.now();
      let left = times;
      const caller = async (): Promise<void> => {
        while (left-- > 0) await root.callRemote("echo", "some text", 12);
      };
      await Promise.all(Array.from({ length: inFlight }, caller));
      return { seconds: (performance.now() - begin) / 1000, cpu: 0 };
    };
    contenders.push({ name, run });
  }
  console.log(`${inFlight} calls in flight:`);
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
