/**
 * npm run bench -- stream-latency [--rounds=N]: measures calls beside 10 streams of the same connection that are read
 * as fast as they arrive: @pb beside raw sockets with the same credit, in turns. The server is a process of its own.
 */

import { fork } from "node:child_process";
import { once } from "node:events";
import { connect as connectSocket, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Root } from "@pb/broker";
import { connect, listen } from "@pb/node-transport";
import { formatRatio, interval, table } from "./format.js";
import { estimate } from "./paired.js";

const STREAMS = 10;
const CHUNK = new Uint8Array(64 * 1024);
const CALL_EVERY_MS = 5;
const MEASURED_MS = 1000;
const note = { id: 7, text: "a short text", flag: true };

/** As a stream of @pb: bytes of each stream that are asked for at once, and on the way beside nine other streams. */
const BATCH = 128 * 1024;
const SHARED_CREDIT = 2 * BATCH;
/** What one stream of @pb has on the way. */
const OWN_CREDIT = 2 * 1024 * 1024;

class Library extends Root {
  async *remote_read(): AsyncGenerator<Uint8Array> {
    for (;;) yield CHUNK;
  }
  remote_echo(value: unknown): unknown {
    return value;
  }
}

/** Frames of raw sockets: the length, the number of a stream (0: a call), and the contents. */
function frame(socket: Socket, stream: number, contents: Uint8Array): void {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(contents.length);
  head[4] = stream;
  socket.cork();
  socket.write(head);
  socket.write(contents);
  process.nextTick(() => socket.uncork());
}

async function readFrames(socket: Socket, received: (stream: number, contents: Buffer) => void): Promise<void> {
  let pending: Buffer = Buffer.alloc(0);
  for await (const data of socket as AsyncIterable<Buffer>) {
    pending = pending.length === 0 ? data : Buffer.concat([pending, data]);
    while (pending.length >= 5 && pending.length >= 5 + pending.readUInt32BE()) {
      const end = 5 + pending.readUInt32BE();
      received(pending[4]!, pending.subarray(5, end));
      pending = pending.subarray(end);
    }
  }
}

/** Echoes calls. The contents of a frame for a stream are the bytes that it may send besides. */
function serveSocket(socket: Socket): void {
  const credits = new Map<number, number>();
  let drained: Promise<unknown> | undefined;
  const send = async (stream: number): Promise<void> => {
    for (let unsent = 0; credits.get(stream)! > 0;) {
      credits.set(stream, credits.get(stream)! - CHUNK.length);
      frame(socket, stream, CHUNK);
      if ((unsent += CHUNK.length) < BATCH) continue;
      unsent = 0;
      await sleep(0);
      if (socket.writableNeedDrain) await (drained ??= once(socket, "drain").then(() => (drained = undefined)));
    }
  };
  readFrames(socket, (stream, contents) => {
    if (stream === 0) {
      frame(socket, 0, Buffer.from(JSON.stringify(JSON.parse(contents.toString()))));
      return;
    }
    const had = credits.get(stream) ?? 0;
    credits.set(stream, had + contents.readUInt32BE());
    if (had <= 0) send(stream).catch(() => undefined); // The client has left.
  }).catch(() => undefined);
}

async function serve(): Promise<void> {
  const server = await listen("tcp:0:interface=127.0.0.1", new Library(), { onEvent: () => undefined });
  const sockets = createServer({ noDelay: true }, serveSocket).listen(0, "127.0.0.1");
  await once(sockets, "listening");
  process.send!([server.port, (sockets.address() as AddressInfo).port]);
}

interface Round {
  readonly p50: number;
  readonly p99: number;
  /** The p99 of the bytes of streams that arrive between a call and its answer: other programs change it less. */
  readonly between: number;
  readonly megabytes: number;
}

/** Calls every few milliseconds. A latency counts from when the call was due. */
async function measure(call: () => Promise<unknown>, received: () => number): Promise<Round> {
  await sleep(300); // The streams reach their speed.
  const latencies: number[] = [];
  const between: number[] = [];
  const waiting: Promise<unknown>[] = [];
  const before = received();
  const start = performance.now();
  for (let due = start; due < start + MEASURED_MS; due += CALL_EVERY_MS) {
    while (performance.now() < due) await sleep(1);
    const sent = received();
    waiting.push(
      call().then(() => {
        latencies.push(performance.now() - due);
        between.push(received() - sent);
      }),
    );
  }
  await Promise.all(waiting);
  const megabytes = (received() - before) / (performance.now() - start) / 1000;
  return { p50: at(0.5, latencies), p99: at(0.99, latencies), between: at(0.99, between), megabytes };
}

function at(part: number, values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(part * values.length) - 1]!;
}

async function measurePb(port: number): Promise<Round> {
  const connection = await connect(`tcp:127.0.0.1:${port}`);
  const library = await connection.getRootObject<Library>();
  let bytes = 0;
  const read = async (): Promise<void> => {
    for await (const chunk of await library.call.read()) bytes += chunk.length;
  };
  const reads = Promise.allSettled(Array.from({ length: STREAMS }, read));
  const round = await measure(
    () => library.call.echo(note),
    () => bytes,
  );
  connection.terminate("closed");
  await reads;
  return round;
}

async function measureRaw(port: number, credit: number): Promise<Round> {
  const socket = connectSocket({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  const answers: ((value: unknown) => void)[] = [];
  const unread = new Map<number, number>();
  let bytes = 0;
  const grant = (stream: number, more: number): void => {
    const contents = Buffer.alloc(4);
    contents.writeUInt32BE(more);
    frame(socket, stream, contents);
  };
  const reading = readFrames(socket, (stream, contents) => {
    if (stream === 0) {
      answers.shift()!(JSON.parse(contents.toString()));
      return;
    }
    bytes += contents.length;
    const sum = (unread.get(stream) ?? 0) + contents.length;
    unread.set(stream, sum % BATCH);
    if (sum >= BATCH) grant(stream, BATCH);
  }).catch(() => undefined);
  for (let stream = 1; stream <= STREAMS; stream++) grant(stream, credit);
  const call = (): Promise<unknown> => {
    frame(socket, 0, Buffer.from(JSON.stringify(note)));
    return new Promise((resolve) => answers.push(resolve));
  };
  const round = await measure(call, () => bytes);
  socket.destroy();
  await reading;
  return round;
}

/** Prints the table. The first round is not counted: V8 compiles. */
export async function benchStreamLatency(rounds: number): Promise<void> {
  const server = fork(fileURLToPath(import.meta.url), { env: { ...process.env, STREAM_LATENCY_SERVER: "1" } });
  try {
    const [pb, raw] = await new Promise<[number, number]>((resolve) =>
      server.once("message", (ports) => resolve(ports as [number, number])),
    );
    const results: { readonly ours: Round; readonly same: Round; readonly more: Round }[] = [];
    for (let round = 0; round <= rounds; round++) {
      const same = await measureRaw(raw, SHARED_CREDIT);
      const ours = await measurePb(pb);
      const more = await measureRaw(raw, OWN_CREDIT);
      if (round > 0) results.push({ ours, same, more });
    }
    const milliseconds = (values: readonly number[]): string =>
      interval(estimate(values), (value) => `${value.toFixed(1)} ms`);
    const row = (name: string, each: readonly Round[], ratioOfP99: string): string[] => [
      name,
      milliseconds(each.map(({ p50 }) => p50)),
      milliseconds(each.map(({ p99 }) => p99)),
      interval(estimate(each.map(({ between }) => between / 1e6)), (value) => `${value.toFixed(1)} MB`),
      interval(estimate(each.map(({ megabytes }) => megabytes)), (value) => value.toFixed(0)),
      ratioOfP99,
    ];
    const ratio = (of: "same" | "more"): string =>
      interval(estimate(results.map((result) => result.ours.p99 / result[of].p99)), formatRatio);
    const heads = [
      `Calls beside ${STREAMS} streams`,
      "p50",
      "p99",
      "p99 of bytes between",
      "MB a second",
      "p99 of @pb / of these",
    ];
    const rows = [
      row(
        "@pb",
        results.map(({ ours }) => ours),
        "",
      ),
      row(
        "raw sockets with the same credit",
        results.map(({ same }) => same),
        ratio("same"),
      ),
      row(
        "raw sockets with 2 MiB for each stream",
        results.map(({ more }) => more),
        ratio("more"),
      ),
    ];
    console.log(table(heads, rows));
  } finally {
    server.kill();
  }
}

if (process.env.STREAM_LATENCY_SERVER === "1") await serve();
