/** The programs of the bench `latency`: `server`, `flood PORT` and `client PORT`. */

import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { credentials, note } from "./library.js";
import type { Client, Library } from "./library.js";

/** Latencies in milliseconds. */
export interface Latencies {
  readonly p50: number;
  readonly p99: number;
  readonly worst: number;
  /** How long was measured, and how many messages the flood sent meanwhile. */
  readonly seconds: number;
  readonly sent?: number;
}

const CALLS_PER_MS = 60;
const CALL_EVERY_MS = 5;

/** What the flood sends, besides its large message. */
type Caller = Pick<Client, "call" | "send">;

interface FloodedLibrary extends Pick<Library, "serve"> {
  readonly connect: (port: number, user?: typeof credentials) => Promise<Caller>;
}

export async function run(library: FloodedLibrary): Promise<void> {
  const [side, port] = process.argv.slice(2);
  if (side === "server") {
    console.log(await library.serve());
    return;
  }
  const caller = await library.connect(Number(port), side === "flood" ? credentials : undefined);
  if (side === "flood") await flood(caller);
  else await measure(caller);
  process.exit();
}

interface Request {
  readonly kind: "nothing" | "small" | "large" | "measure";
  readonly isOn?: boolean;
  readonly ms?: number;
}

async function* requests(): AsyncGenerator<Request> {
  console.log("ready");
  for await (const line of createInterface({ input: process.stdin })) yield JSON.parse(line) as Request;
}

/** Floods the server from a request to the next. Answers with the number of messages since then. */
async function flood(client: Caller): Promise<void> {
  const large = Array.from({ length: 25 }, () => Array.from({ length: 600_000 }, (_, index) => 1_000_000 + index));
  let sent = 0;
  let isOn = false;
  let ended: Promise<void> = Promise.resolve();
  for await (const { kind, isOn: mustRun = false } of requests()) {
    isOn = mustRun;
    await ended;
    if (isOn && kind === "small") ended = sendSmall();
    if (isOn && kind === "large") ended = sendLarge();
    console.log(JSON.stringify({ sent }));
    sent = 0;
  }

  async function sendSmall(): Promise<void> {
    let last = performance.now();
    while (isOn) {
      await sleep(1);
      const now = performance.now();
      for (; last < now; last += 1 / CALLS_PER_MS) {
        client.send("notify", note);
        sent++;
      }
    }
    await client.call("notify", note);
  }

  async function sendLarge(): Promise<void> {
    for (; isOn; sent++) await client.call("notify", large);
  }
}

async function measure(client: Caller): Promise<void> {
  for await (const { ms = 0 } of requests()) {
    const latencies: number[] = [];
    const waiting: Promise<unknown>[] = [];
    const start = performance.now();
    for (let due = start; due < start + ms; due += CALL_EVERY_MS) {
      while (performance.now() < due) await sleep(1);
      waiting.push(client.call("echo", note).then(() => latencies.push(performance.now() - due)));
    }
    await Promise.all(waiting);
    latencies.sort((a, b) => a - b);
    const at = (part: number): number => latencies[Math.ceil(part * latencies.length) - 1]!;
    const seconds = (performance.now() - start) / 1000;
    console.log(JSON.stringify({ p50: at(0.5), p99: at(0.99), worst: at(1), seconds } satisfies Latencies));
  }
}
