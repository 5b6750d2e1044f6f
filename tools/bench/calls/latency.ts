/**
 * Measures the latency of a connection that behaves well while another one floods the server: @pb beside `ws` and JSON,
 * in turns. The server, the flood and the measured client are three processes.
 */

import { writeFileSync } from "node:fs";
import { formatRatio, interval, table } from "../format.js";
import { estimate } from "../paired.js";
import { nodeCommand, startOnOwnCore } from "./contender.js";
import type { ChildProcess } from "../child-process.js";
import type { Latencies } from "./flood.js";

const contenders = { "@pb": "pb", "ws and JSON": "ws-json" } as const;

const floods = {
  nothing: "Nothing else",
  small: "A flood of 60,000 small calls a second",
  large: "The largest messages, one after the other",
} as const;
type Flood = keyof typeof floods;

const MEASURED_MS = 1000;

interface Processes extends Disposable {
  readonly name: string;
  readonly flood: ChildProcess;
  readonly client: ChildProcess;
}

/** Floods both servers, `rounds` times in turns. Writes LATENCY.md when there are at least 6 rounds. */
export async function benchLatency(rounds: number): Promise<void> {
  const started: Processes[] = [];
  try {
    for (const [name, file] of Object.entries(contenders)) started.push(await start(name, file));
    const results = new Map<string, Latencies[]>();
    for (let round = 0; round <= rounds; round++) {
      for (const flood of Object.keys(floods) as Flood[]) {
        for (const each of round % 2 === 0 ? started : started.toReversed()) {
          const measured = await measure(each, flood);
          if (round === 0) continue; // V8 has not compiled everything yet.
          const key = `${flood} ${each.name}`;
          results.set(key, [...(results.get(key) ?? []), measured]);
        }
      }
    }
    const text = page(results, rounds);
    console.log(text);
    if (rounds >= 6) writeFileSync(new URL("../LATENCY.md", import.meta.url), text);
  } finally {
    for (const each of started) each[Symbol.dispose]();
  }
}

async function start(name: string, file: string): Promise<Processes> {
  const command = await nodeCommand(name, file, "./calls/flood.ts");
  const server = startOnOwnCore(`The server of ${name}`, "server", [...command, "server"]);
  const port = String(await server.nextJson<number>());
  const [flood, client] = (["flood", "client"] as const).map((side) =>
    startOnOwnCore(`The ${side} of ${name}`, "client", [...command, side, port]),
  ) as [ChildProcess, ChildProcess];
  await Promise.all([flood.nextLine(), client.nextLine()]);
  return {
    name,
    flood,
    client,
    [Symbol.dispose]() {
      for (const process of [client, flood, server]) process[Symbol.dispose]();
    },
  };
}

async function measure({ flood, client }: Processes, kind: Flood): Promise<Latencies> {
  await flood.request({ kind, isOn: true });
  const measured = await client.request<Latencies>({ kind: "measure", ms: MEASURED_MS });
  const { sent } = await flood.request<{ sent: number }>({ kind, isOn: false });
  return { ...measured, sent };
}

function page(results: ReadonlyMap<string, readonly Latencies[]>, rounds: number): string {
  const rows = Object.entries(floods).flatMap(([flood, title]) => {
    const [ours, others] = Object.keys(contenders).map((name) => results.get(`${flood} ${name}`)!);
    const ratios = estimate(ours!.map(({ p99 }, round) => p99 / others![round]!.p99));
    return [ours!, others!].map((each, index) => [
      index === 0 ? title : "",
      Object.keys(contenders)[index]!,
      ...(["p50", "p99", "worst"] as const).map((key) => `${middle(each.map((one) => one[key])).toFixed(1)} ms`),
      index === 0 ? interval(ratios, formatRatio) : "",
      String(Math.round(middle(each.map(({ sent = 0, seconds }) => sent / seconds)))),
    ]);
  });
  const heads = ["Meanwhile", "", "p50", "p99", "worst", "p99 of @pb / of ws", "messages a second"];
  const when = `Node ${process.versions.node}, ${new Date().toISOString().slice(0, 10)}`;
  return `# Latency of a connection while another one floods the server

Written by \`npm run bench -- latency\` (${when}). A client calls a method with a small dict every 5 ms. Its
latency counts from when the call was due until its answer has arrived. Medians of ${rounds} rounds of 1 second, in turns; the
ratio with its 95 % confidence interval. The largest message is a list of 15 million integers: 60 MB for @pb, and 118 MB
of JSON. The row "Nothing else" shows what other programs on the machine cost.

${table(heads, rows)}
`;
}

function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
