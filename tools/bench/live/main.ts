/**
 * Measures live state: @pb/live beside @colyseus/schema and JSON Patch by hand, all over `ws`. The server and its
 * viewers are two processes, which are started again for each measurement.
 */

import { writeFileSync } from "node:fs";
import { nodeCommand, startOnOwnCore } from "../calls/contender.js";
import { formatBytes, formatRatio, table } from "../format.js";
import { barChart } from "./chart.js";
import type { ChildProcess } from "../child-process.js";
import type { Request, Totals } from "./program.js";

/** The file of each contender. Ratios are relative to the second. */
const files = { "@pb/live": "pb", "@colyseus/schema": "colyseus", "JSON Patch": "json-patch" } as const;
type Name = keyof typeof files;
const names = Object.keys(files) as Name[];
const baseline: Name = "@colyseus/schema";

/** What is measured, in the order of the page. CPU in seconds of the server, bytes sent by it, memory in bytes. */
const titles = {
  numbers: "1,000 viewers in 10 groups, 1,000 numbers change per second",
  texts: "1,000 viewers in 10 groups, 1,000 texts of 40 characters change per second",
  reconnect: "1,000 viewers connect again at once",
  large: "One viewer of 100,000 entries, one change per patch",
} as const;
type Title = keyof typeof titles;

interface Measured extends Totals {
  readonly memory: number;
  /** Seconds of a reconnect. */
  readonly seconds?: number;
}
type Results = Record<Title, Measured>;

/** The highest ratios to the baseline that are aimed at. */
const targets = { cpu: 1, bytes: 1.5, memory: 1 } as const;

const PATCHES = 100;
const LARGE_PATCHES = 20;

/** Writes LIVE.md and live.svg when all contenders take part. */
export async function benchLive(rounds: number, only: readonly string[] = names): Promise<void> {
  const chosen = names.filter((name) => only.includes(name));
  const all = new Map(chosen.map((name) => [name, [] as Results[]]));
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 === 0 ? chosen : chosen.toReversed()) {
      const results = { ...(await fanOut(name)), ...(await large(name)) };
      console.error(name, JSON.stringify(results));
      all.get(name)!.push(results);
    }
  }
  const results = new Map([...all].map(([name, each]) => [name, medians(each)]));
  const text = page(results, rounds);
  console.log(text);
  if (chosen.length < names.length) return;
  writeFileSync(new URL("../LIVE.md", import.meta.url), text);
  const charts = (["cpu", "bytes", "memory"] as const).map((key) => ({
    title: { cpu: "Processor time of the server", bytes: "Bytes on the wire", memory: "Memory of the server" }[key],
    bars: (Object.keys(titles) as Title[]).map((title) => ({
      title: { numbers: "numbers", texts: "texts", reconnect: "connect again", large: "100,000 entries" }[title],
      values: names.map((name) => results.get(name)![title][key] / results.get(baseline)![title][key]),
    })),
  }));
  writeFileSync(new URL("../live.svg", import.meta.url), barChart(names, charts));
}

/** Makes the server do something between two readings of it. Then each viewer must have what the server has. */
async function measure(pair: Pair, work: () => Promise<unknown>): Promise<Measured> {
  const before = await pair.server.request<Totals>({ kind: "read" });
  const seconds = await work();
  const { cpu, bytes } = await pair.server.request<Totals>({ kind: "read" });
  await pair.check();
  const memory = await pair.server.request<number>({ kind: "memory" });
  return {
    cpu: cpu - before.cpu,
    bytes: bytes - before.bytes,
    memory,
    ...(typeof seconds === "number" && { seconds }),
  };
}

async function fanOut(name: Name): Promise<Omit<Results, "large">> {
  using pair = await Pair.start(name, 10, 100);
  await pair.open(1000);
  const changes = async (property: "x" | "title"): Promise<Measured> => {
    await pair.change({ patches: 20, changes: 50, property });
    return measure(pair, () => pair.change({ patches: PATCHES, changes: 50, property }));
  };
  const [numbers, texts] = [await changes("x"), await changes("title")];
  const reconnect = await measure(pair, () => pair.viewers.request<number>({ kind: "reopen" }));
  return { numbers, texts, reconnect };
}

async function large(name: Name): Promise<Pick<Results, "large">> {
  using pair = await Pair.start(name, 1, 100_000);
  await pair.open(1);
  const change = { patches: LARGE_PATCHES, changes: 1, property: "x" } as const;
  await pair.change(change);
  return { large: await measure(pair, () => pair.change(change)) };
}

/** A server and its viewers. */
class Pair implements Disposable {
  private constructor(
    readonly server: ChildProcess,
    readonly viewers: ChildProcess,
  ) {}

  static async start(name: Name, groups: number, units: number): Promise<Pair> {
    const [node, ...args] = await nodeCommand(name, `./live/${files[name]}.ts`, "./live/program.ts");
    const start = (side: "server" | "client", ...numbers: readonly (number | string)[]): ChildProcess =>
      startOnOwnCore(`The ${side} of ${name}`, side, [node, "--expose-gc", ...args, ...numbers.map(String)]);
    const server = start("server", "server", groups, units);
    const viewers = start("client", "viewers", await server.nextJson<number>(), groups);
    await viewers.nextLine();
    return new Pair(server, viewers);
  }

  async open(count: number): Promise<void> {
    await this.viewers.request<unknown>({ kind: "open", count } satisfies Request);
    await this.check();
  }

  /** Resolves when each viewer has what the server has. */
  async check(): Promise<void> {
    const hashes = await this.server.request<Record<string, string>>({ kind: "hashes" });
    await this.viewers.request<unknown>({ kind: "check", hashes } satisfies Request);
  }

  async change(change: Omit<Request, "kind">): Promise<void> {
    await this.server.request<unknown>({ kind: "change", ...change });
  }

  [Symbol.dispose](): void {
    this.viewers[Symbol.dispose]();
    this.server[Symbol.dispose]();
  }
}

function medians(each: readonly Results[]): Results {
  const median = (title: Title, key: keyof Measured): number =>
    each.map((results) => results[title][key] ?? 0).toSorted((a, b) => a - b)[Math.floor(each.length / 2)]!;
  const of = (title: Title): Measured => ({
    cpu: median(title, "cpu"),
    bytes: median(title, "bytes"),
    memory: median(title, "memory"),
    seconds: median(title, "seconds"),
  });
  return { numbers: of("numbers"), texts: of("texts"), reconnect: of("reconnect"), large: of("large") };
}

function page(results: ReadonlyMap<Name, Results>, rounds: number): string {
  const sections = (Object.entries(titles) as [Title, string][]).map(([title, text]) => {
    const heads = ["", "CPU of the server", "ratio", "bytes sent", "ratio", "memory of the server", "ratio", "time"];
    const base = results.get(baseline)?.[title];
    const rows = [...results].map(([name, { [title]: measured }]) => {
      const ratio = (key: keyof typeof targets): string => {
        if (base === undefined || name === baseline) return "";
        const value = measured[key] / base[key];
        return formatRatio(value) + (name === "@pb/live" && value > targets[key] ? " NOT REACHED" : "");
      };
      const { cpu, bytes, memory, seconds = 0 } = measured;
      const cells = [unitOf(title, cpu * 1000, "ms"), ratio("cpu"), bytesOf(title, bytes), ratio("bytes")];
      return [
        name,
        ...cells,
        `${(memory / 1e6).toFixed(1)} MB`,
        ratio("memory"),
        seconds ? `${seconds.toFixed(2)} s` : "",
      ];
    });
    return `## ${text}\n\n${table(heads, rows)}\n`;
  });
  const when = `Node ${process.versions.node}, ${new Date().toISOString().slice(0, 10)}`;
  return `# Live state beside @colyseus/schema and JSON Patch

Written by \`npm run bench -- live\` (${when}). Medians of ${rounds} rounds, in turns. Ratios are relative to
${baseline}: below 1 is less. The targets of @pb/live are at most ${targets.cpu} for CPU and memory, and ${targets.bytes} for bytes.

![Ratios to ${baseline}](./live.svg)

${sections.join("\n")}
## How it is measured

The server and its viewers are two processes, on a core each, over \`ws\` without compression. All contenders send a patch
every 50 ms, the default of Colyseus, and make the same changes. After each part the hash of what each viewer sees is
compared with what its group must see. Processor time and bytes (\`bytesWritten\` of the sockets, with the frames of WebSocket)
are those of the server. Memory is the heap and the buffers outside it after two collections of garbage.

@colyseus/schema runs as the server of Colyseus runs it: one encoder, a \`StateView\` for each group, each view encoded once
per patch. Its schema is compiled into both programs and its numbers are \`uint16\`; @pb/live and JSON Patch have no schema.
JSON Patch has neither classes nor snapshots: the texts of RFC 6902, made once per group. In the part with reconnects, all
WebSockets are closed and opened again, and each viewer asks for its state.

## Why targets are not reached

- **CPU**: a third of the time of @pb/live for a patch is one write to a socket per viewer, which is nearly all that the
  others do. It makes and encodes a patch once per group, too, but writes an envelope for each viewer, so that patches are in
  order with calls and answers, and notes what has left the process, for backpressure and liveness.
- **Bytes**: of a patch with five numbers, 28 bytes are the message and the frame around it, and each change takes about 4.
  States and patches are [packed](../../docs/extension.md#live-state), but a viewer that connects again gets the names of the
  properties with each unit, which a schema makes unnecessary.
- **100,000 entries**: an update takes time for what it changes, as long as the server does not read the \`state\` between
  updates, and its views are the whole state or a \`viewPath\`. Otherwise the dict is copied for each patch, because states
  are immutable: that takes about as long as 300 of these updates.
- **Connecting again**: each connection negotiates the protocol and makes two calls, to enter and to get the board.
`;
}

const perPatch = (title: Title): number =>
  ({ numbers: PATCHES, texts: PATCHES, reconnect: 0, large: LARGE_PATCHES })[title];

/** For each patch, or in all. */
function unitOf(title: Title, value: number, unit: string): string {
  const patches = perPatch(title);
  return patches === 0 ? `${value.toFixed(0)} ${unit}` : `${(value / patches).toFixed(2)} ${unit} per patch`;
}

function bytesOf(title: Title, bytes: number): string {
  const patches = perPatch(title);
  return patches === 0 ? formatBytes(bytes) : `${formatBytes(bytes / patches)} per patch`;
}
