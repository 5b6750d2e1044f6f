/** A library under measurement: a server and a client in two processes, connected over loopback TCP. */

import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { findTwisted, noTwisted } from "../../twisted/twisted.js";
import { bundle } from "../bundle.js";
import { ChildProcess } from "../child-process.js";
import { compare } from "../paired.js";
import type { Result, Sample } from "../paired.js";

/** The file in contenders/ of each, in the order of the tables; all ratios are relative to the first. */
const files = {
  "@pb": "pb",
  "old @pb": "pb",
  "raw JSON": "raw-json",
  "Cap'n Web": "capnweb",
  "grpc-js": "grpc",
  "socket.io": "socketio",
  Twisted: "twisted_pb",
};
export type ContenderName = keyof typeof files;
export const contenderNames = Object.keys(files) as ContenderName[];

type Side = "server" | "client";

export interface ContenderOptions {
  /** Another checkout of this repository that "old @pb" takes the packages from. */
  readonly checkout?: string | undefined;
  /** Flags of Node for each process. */
  readonly flags?: (side: Side) => readonly string[];
}

/** The answer to a request. Times are in seconds. */
interface Answer extends Sample {
  /** Processor time since the process started. */
  readonly cpuTotal: number;
  /** Bytes in use. Only for the action "memory", in Node. */
  readonly memory?: number;
}

export class Contender implements Disposable {
  readonly name: ContenderName;
  readonly #server: ChildProcess;
  readonly #client: ChildProcess;

  private constructor(name: ContenderName, server: ChildProcess, client: ChildProcess) {
    this.name = name;
    this.#server = server;
    this.#client = client;
  }

  /** Resolves with undefined where there is no Twisted; the reason is on stderr. */
  static async start(name: ContenderName, options: ContenderOptions = {}): Promise<Contender | undefined> {
    const command = name === "Twisted" ? twistedProgram() : await nodeProgram(name, options);
    if (command === undefined) return undefined;
    const start = (side: Side, ports: readonly number[]): ChildProcess =>
      new ChildProcess(`The ${side} of ${name}`, onOwnCore(side, [...command(side), side, ...ports.map(String)]));
    const server = start("server", []);
    const ports = Object.values(await server.nextAnswer<Record<string, number>>());
    const client = start("client", ports);
    await client.nextAnswer();
    return new Contender(name, server, client);
  }

  /** Performs an action of the client. The processor time is that of both processes. */
  async run(action: string, times: number): Promise<Sample> {
    const before = await this.#server.request<Answer>({ action: "", times: 0 });
    const { seconds, cpu } = await this.#client.request<Answer>({ action, times });
    const after = await this.#server.request<Answer>({ action: "", times: 0 });
    return { seconds, cpu: cpu + after.cpuTotal - before.cpuTotal };
  }

  /** Bytes in use at the server and at the client. */
  async memory(): Promise<[server: number, client: number]> {
    const request = { action: "memory", times: 0 };
    const [server, client] = [await this.#server.request<Answer>(request), await this.#client.request<Answer>(request)];
    return [server.memory!, client.memory!];
  }

  async end(): Promise<void> {
    await this.#client.end();
    await this.#server.end();
  }

  [Symbol.dispose](): void {
    this.#client[Symbol.dispose]();
    this.#server[Symbol.dispose]();
  }
}

/** Compares contenders at one action of their clients. */
export function compareCalls(contenders: readonly Contender[], action: string, rounds: number): Promise<Result[]> {
  const measured = contenders.map((each) => ({ name: each.name, run: (times: number) => each.run(action, times) }));
  return compare(measured, { rounds, seconds: 0.15, warmUp: 1.5 });
}

type Command = (side: Side) => readonly string[];

function twistedProgram(): Command | undefined {
  const twisted = findTwisted();
  if (twisted === undefined) {
    console.error(noTwisted);
    return undefined;
  }
  return () => [twisted.python, fileURLToPath(new URL("contenders/twisted_pb.py", import.meta.url))];
}

/** Bundles our packages as they are published; the other libraries run as they are installed. */
async function nodeProgram(name: ContenderName, { checkout, flags = () => [] }: ContenderOptions): Promise<Command> {
  const text = `
    import * as library from "./calls/contenders/${files[name]}.ts";
    import { run } from "./calls/program.ts";
    await run(library);`;
  const contents = await bundle(text, {
    checkout: name === "old @pb" ? checkout : undefined,
    platform: "node",
    external: ["@grpc/*", "capnweb", "socket.io", "socket.io-client", "ws"],
  });
  // Inside the folder of the benches, so that Node finds the other libraries.
  const folder = fileURLToPath(new URL("../node_modules/.programs/", import.meta.url));
  const program = `${folder}${name.replace(/\W+/g, "-")}.mjs`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(program, contents);
  return (side) => [process.execPath, ...flags(side), program];
}

/** The first and the last core that this process may use; null where the system does not tell (only Linux does). */
const taskset = spawnSync("taskset", ["--cpu-list", "--pid", String(process.pid)], { encoding: "utf8" });
const cores = taskset.status === 0 ? /: (\d+).*?(\d+)$/.exec(taskset.stdout.trim()) : null;

/** Whether server and client run on a core each. */
export const areOnOwnCores: boolean = cores !== null;

/**
 * Makes each process stay on its core, as if server and client were two machines. Otherwise the system puts two
 * processes that wait for each other on one core or on two, and a round trip takes 40 or 100 microseconds at random.
 */
function onOwnCore(side: Side, command: readonly string[]): readonly string[] {
  return cores === null ? command : ["taskset", "--cpu-list", cores[side === "server" ? 1 : 2]!, ...command];
}
