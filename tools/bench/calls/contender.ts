/** A library under measurement: a server and a client in two processes, connected over loopback TCP. */

import { spawnSync } from "node:child_process";
import { bundleFile } from "../bundle.js";
import { ChildProcess, twistedCommand } from "../child-process.js";
import type { Command } from "../../process/program.js";
import { compare } from "../paired.js";
import type { Result, Sample } from "../paired.js";

/** The file in contenders/ of each (in Node), in the order of the tables. All ratios are relative to the first. */
const files = {
  "@pb": "pb",
  "old @pb": "pb",
  "@pb over WebSocket": "pb-web",
  "@pb without extensions": "pb-plain",
  "@pb with hooks": "pb-hooks",
  "@pb with schemas": "pb-schemas",
  "@pb with SCRAM": "pb-scram",
  "@pb/telemetry without an SDK": "pb-telemetry-api",
  "@pb/telemetry with an SDK": "pb-telemetry",
  "raw JSON": "raw-json",
  "ws and JSON": "ws-json",
  "Cap'n Web": "capnweb",
  "grpc-js": "grpc",
  "socket.io": "socketio",
  Twisted: "",
};
export type ContenderName = keyof typeof files;
/** The same library with other options: they take part only in the bench of these options. */
export const variants: readonly ContenderName[] = ["@pb without extensions", "@pb with hooks", "@pb with schemas"];
/** The same for the bench of @pb/telemetry. */
export const telemetries: readonly ContenderName[] = ["@pb/telemetry without an SDK", "@pb/telemetry with an SDK"];
export const contenderNames = (Object.keys(files) as ContenderName[]).filter(
  (name) => ![...variants, ...telemetries, "@pb with SCRAM"].includes(name),
);

type Side = "server" | "client";

const PROGRAM = "./calls/program.ts";

export interface ContenderOptions {
  /** Another checkout of this repository that "old @pb" takes the packages from. */
  readonly checkout?: string | undefined;
  /** Flags of Node for each process. */
  readonly flags?: (side: Side) => readonly string[];
  /** The server is that many processes (node:cluster), and so is the client. They run on all cores. Default: one. */
  readonly workers?: number;
}

/** Milliseconds from a call to its answer: the median, the 99th and the 99.9th percentile. */
export interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

/** Bytes after a garbage collection. */
export interface Memory {
  /** On the heap and in buffers. */
  readonly used: number;
  readonly resident: number;
}

/** The answer to a request. Times are in seconds. */
interface Answer extends Sample {
  /** Processor time since the process started. */
  readonly cpuTotal: number;
  /** Only for the actions that measure it. */
  readonly latency?: Latency;
  /** Only for the action "memory", in Node. */
  readonly memory?: Memory;
}

/** What an action took. `cpu` is that of both processes. */
export interface ActionSample extends Sample {
  readonly serverCpu: number;
  readonly latency: Latency | undefined;
}

export class Contender implements Disposable {
  private constructor(
    readonly name: ContenderName,
    private readonly server: ChildProcess,
    private readonly clients: readonly ChildProcess[],
  ) {}

  /** Resolves with undefined where there is no Twisted; the reason is on stderr. */
  static async start(
    name: ContenderName,
    { checkout, flags = () => [], workers }: ContenderOptions = {},
  ): Promise<Contender | undefined> {
    const old = name === "old @pb" ? checkout : undefined;
    const command = name === "Twisted" ? twistedCommand() : await nodeCommand(name, files[name], PROGRAM, old);
    if (command === undefined) return undefined;
    const start = (side: Side, numbers: readonly number[]): ChildProcess => {
      const [program, ...args] = command;
      const all = [program, ...flags(side), ...args, side, ...numbers.map(String)] as const;
      const title = `The ${side} of ${name}`;
      return workers === undefined ? startOnOwnCore(title, side, all) : new ChildProcess(title, all);
    };
    const server = start("server", workers === undefined ? [] : [workers]);
    const ports = await server.nextJson<number[]>();
    const clients = Array.from({ length: workers ?? 1 }, () => start("client", ports));
    for (const client of clients) await client.nextLine();
    return new Contender(name, server, clients);
  }

  /** Performs an action of the client. Several clients share the work; percentiles are the mean of theirs. */
  async run(action: string, times: number): Promise<ActionSample> {
    const before = await this.cpuOfServer();
    const each = Math.ceil(times / this.clients.length);
    const answers = await Promise.all(this.clients.map((client) => client.request<Answer>({ action, times: each })));
    const serverCpu = (await this.cpuOfServer()) - before;
    const cpu = answers.reduce((sum, answer) => sum + answer.cpu, serverCpu);
    const seconds = Math.max(...answers.map((answer) => answer.seconds));
    return { seconds, cpu, serverCpu, latency: meanOf(answers.map(({ latency }) => latency)) };
  }

  /** Seconds of processor time of the server since it started. */
  async cpuOfServer(): Promise<number> {
    return (await this.server.request<Answer>({ action: "", times: 0 })).cpuTotal;
  }

  /** The memory of the server and of the clients. */
  async memory(): Promise<Memory[]> {
    const sides = [this.server, ...this.clients].map((side) => side.request<Answer>({ action: "memory", times: 0 }));
    return (await Promise.all(sides)).map(({ memory }) => memory!);
  }

  /** Ends both processes without killing them: V8's profiler writes its file then. */
  async end(): Promise<void> {
    for (const client of this.clients) await client.endInput();
    await this.server.endInput();
  }

  [Symbol.dispose](): void {
    for (const client of this.clients) client[Symbol.dispose]();
    this.server[Symbol.dispose]();
  }
}

function meanOf(latencies: readonly (Latency | undefined)[]): Latency | undefined {
  const measured = latencies.filter((each) => each !== undefined);
  if (measured.length === 0) return undefined;
  const mean = (part: keyof Latency): number => measured.reduce((sum, each) => sum + each[part], 0) / measured.length;
  return { p50: mean("p50"), p99: mean("p99"), p999: mean("p999") };
}

/** Compares contenders at one action of their clients. */
export function compareCalls(contenders: readonly Contender[], action: string, rounds: number): Promise<Result[]> {
  const measured = contenders.map((each) => ({ name: each.name, run: (times: number) => each.run(action, times) }));
  return compare(measured, { rounds, seconds: 0.15, warmUp: 1.5 });
}

/**
 * Bundles our packages as they are published, with `file` of contenders/, or a path, and the function `run` of `main`;
 * the other libraries run as they are installed.
 */
export async function nodeCommand(name: string, file: string, main: string, checkout?: string): Promise<Command> {
  const text = `
    import * as library from "${file.startsWith(".") ? file : `./calls/contenders/${file}.ts`}";
    import { run } from "${main}";
    await run(library);`;
  const program = await bundleFile(`${name} ${main}`, text, {
    checkout,
    platform: "node",
    external: ["@colyseus/schema", "@grpc/*", "capnweb", "socket.io", "socket.io-client", "ws"],
  });
  return [process.execPath, program];
}

export function startOnOwnCore(name: string, side: Side, command: Command): ChildProcess {
  return new ChildProcess(name, onOwnCore(side, command));
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
function onOwnCore(side: Side, command: Command): Command {
  return cores === null ? command : ["taskset", "--cpu-list", cores[side === "server" ? 1 : 2]!, ...command];
}
