// Uploads files from the worker to the master.

import { Float, tuple } from "@pb/jelly-types";
import type { Tuple } from "@pb/jelly-types";
import { spawn } from "node:child_process";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { command } from "../command.js";
import type { Task } from "../command.js";
import type { FileWriter, Remote } from "../master.js";

interface UploadArgs {
  writer: Remote<FileWriter>;
  blocksize: number;
  maxsize: number | null;
  workdir: string;
  workersrc: string;
}

/** Bytes of one call. Banana allows 655,360 for a string. */
const MAX_BLOCK = 512 * 1024;

export const uploadFile = command<UploadArgs & { keepstamp?: boolean }>(
  ["writer", "blocksize", "workdir", "workersrc"],
  async (task) => {
    const { args, path } = task;
    using writer = args.writer;
    const source = path(args.workdir, args.workersrc);
    let isComplete: boolean;
    let stamp: Tuple;
    try {
      // Fails here, before the first write, when the file does not exist.
      const { atimeMs, mtimeMs } = await stat(source);
      isComplete = await send(task, createReadStream(source));
      stamp = tuple(new Float(atimeMs / 1000), new Float(mtimeMs / 1000));
    } finally {
      await writer.callRemote("close");
    }
    if (!isComplete) return 1;
    // The master gives the file its name in `close`, and `utime` needs the name.
    if (args.keepstamp === true) await writer.callRemote("utime", stamp);
    return 0;
  },
);

const compressions = { gz: "--gzip", bz2: "--bzip2" };

/** Uploads a folder as a tar archive, which the master unpacks. */
export const uploadDirectory = command<UploadArgs & { compress: null | "gz" | "bz2" }>(
  ["writer", "blocksize", "workdir", "workersrc"],
  async (task) => {
    const { args, path, report } = task;
    using writer = args.writer;
    const compress = args.compress ? [compressions[args.compress]] : [];
    const folder = path(args.workdir, args.workersrc);
    await stat(folder);
    const tar = spawn("tar", ["--create", ...compress, "--file=-", "--directory", folder, "."], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    tar.stderr.setEncoding("utf8").on("data", (text: string) => report.text("stderr", text));
    const ended = new Promise<number>((resolve, reject) => {
      tar.on("error", reject).on("close", (status) => resolve(status ?? 1));
    });
    ended.catch(() => undefined);
    const isComplete = await send(task, tar.stdout);
    const status = await ended;
    if (!isComplete || status !== 0) return 1;
    await writer.callRemote("unpack");
    return 0;
  },
);

/** Writes at most `maxsize` bytes. Resolves with false when the source has more. */
async function send({ args, report, signal }: Task<UploadArgs>, source: AsyncIterable<Buffer>): Promise<boolean> {
  const { writer, maxsize, workersrc } = args;
  let left = maxsize ?? Infinity;
  for await (const chunk of blocks(source, Math.min(args.blocksize, MAX_BLOCK))) {
    signal.throwIfAborted();
    await writer.callRemote("write", chunk.subarray(0, left));
    if (chunk.length > left) {
      report.text("stderr", `${workersrc} is larger than ${String(maxsize)} bytes and was truncated\n`);
      return false;
    }
    left -= chunk.length;
  }
  return true;
}

/** Splits chunks that are longer than `size`. */
async function* blocks(source: AsyncIterable<Buffer>, size: number): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    for (let start = 0; start < chunk.length; start += size) yield chunk.subarray(start, start + size);
  }
}
