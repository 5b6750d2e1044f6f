// npm run bench -- recording [megabytes]: the memory that `pb` takes for a large recording.

import { spawn } from "node:child_process";
import { createReadStream, mkdtempSync, rmSync, statfsSync, statSync } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Root } from "../../../packages/broker/src/index.js";
import type { RecordingEntry } from "../../../packages/cli/src/recording/format.js";
import { RecordingReader } from "../../../packages/cli/src/recording/recording-reader.js";
import { RecordingWriter } from "../../../packages/cli/src/recording/recording-writer.js";
import { record } from "../../../packages/cli/test/replay/record.js";
import { connect, listen } from "../../../packages/node-transport/src/index.js";
import { typescript } from "../../process/program.js";

const MEGABYTE = 1_000_000;

/** Messages of the conversation that is repeated, each way. */
const CALLS = 40;

/** What a run of `pb` took. */
export interface Run {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The largest resident set, in MB. */
  readonly peak: number;
  readonly seconds: number;
}

export interface LargeRecording {
  readonly file: string;
  readonly connections: number;
  readonly messages: number;
}

class Shop extends Root {
  remote_find(text: string, limit: number): unknown {
    return { text, limit, items: Array.from({ length: limit }, (_, id) => ({ id, name: `item ${id}` })) };
  }
}

/** Records a conversation, and repeats it, each time on another connection, until the file has so many bytes. */
export async function writeLargeRecording(folder: string, size: number): Promise<LargeRecording> {
  const small = join(folder, `once-${size}.pbrec`);
  const server = await listen("tcp:0:interface=127.0.0.1", new Shop());
  await record(small, server.port, async (endpoint) => {
    await using connection = await connect(endpoint);
    const root = await connection.getRootObject<Shop>();
    for (let call = 0; call < CALLS; call++) await root.call.find("x".repeat(100 * call), call);
  });
  await server.close();
  const reader = await RecordingReader.open(createReadStream(small));
  const entries: Exclude<RecordingEntry, { kind: "finish" }>[] = [];
  for await (const entry of reader) if (entry.kind !== "finish") entries.push(entry);
  const sizeOfOne = statSync(small).size;
  const file = join(folder, `${size}.pbrec`);
  const writer = await RecordingWriter.create(file, reader.header);
  let connections = 0;
  for (let written = 0; written < size; written += sizeOfOne) {
    const connection = ++connections;
    for (const entry of entries) {
      if (entry.kind === "data") writer.writeData({ ...entry, connection });
      else writer.write({ ...entry, connection });
    }
    writer.write({ kind: "close", timeMs: entries.at(-1)!.timeMs, connection, by: "client" });
    if (writer.isFull) await writer.drained();
  }
  await writer.finish(entries.at(-1)!.timeMs);
  return { file, connections, messages: connections * entries.filter(({ kind }) => kind === "data").length };
}

/** Runs `pb` in a process of its own. `isDiscarded`: its output goes to the null device. */
export async function runPb(
  args: readonly string[],
  { isDiscarded = false, onOutput }: { readonly isDiscarded?: boolean; readonly onOutput?: () => void } = {},
): Promise<Run> {
  const [node, ...rest] = typescript("tools/bench/recording/pb.ts", ...args);
  const begin = performance.now();
  const child = spawn(node, rest, {
    stdio: ["ignore", isDiscarded ? "ignore" : "pipe", "pipe"],
  });
  const output = { stdout: "", stderr: "" };
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    output.stdout += text;
    onOutput?.();
  });
  child.stderr!.setEncoding("utf8").on("data", (text: string) => (output.stderr += text));
  const [status] = (await once(child, "close")) as [number];
  const kilobytes = Number(/PEAK (\d+)/.exec(output.stderr)?.[1]);
  const seconds = (performance.now() - begin) / 1000;
  return { status, ...output, peak: (kilobytes * 1024) / MEGABYTE, seconds };
}

/** Replays the last connection: one `pb` is the server, another one the client. Returns the run of the server. */
export async function replayLast({ file, connections }: LargeRecording, folder: string): Promise<Run> {
  const socket = join(folder, `replay-${connections}.sock`);
  const last = String(connections);
  let listens!: () => void;
  const listening = new Promise<void>((resolve) => (listens = resolve));
  const server = runPb(["replay", file, "server", `unix:${socket}`, last], { onOutput: listens });
  await Promise.race([listening, server]);
  const called = await runPb(["replay", file, "client", `unix:${socket}`, last]);
  const served = await server;
  if (called.status !== 0) throw new Error(`The client: ${called.stderr}`);
  return served;
}

export async function benchRecording(megabytes: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "pb-recording-"));
  const { bavail, bsize } = statfsSync(folder);
  try {
    if (bavail * bsize < 2 * megabytes * MEGABYTE) throw new Error(`There is too little room in ${folder}`);
    const recording = await writeLargeRecording(folder, megabytes * MEGABYTE);
    const size = Math.round(statSync(recording.file).size / MEGABYTE);
    console.log(`${size} MB, ${recording.connections} connections, ${recording.messages} messages`);
    const runs: Record<string, Run> = {
      "pb decode": await runPb(["decode", recording.file], { isDiscarded: true }),
      "pb stats": await runPb(["stats", recording.file]),
      "pb replay": await replayLast(recording, folder),
    };
    for (const [name, { status, peak, seconds }] of Object.entries(runs))
      console.log(
        `  ${name.padEnd(10)} ${peak.toFixed(0).padStart(5)} MB, ${seconds.toFixed(0).padStart(5)} s, status ${status}`,
      );
  } finally {
    rmSync(folder, { recursive: true });
  }
}
