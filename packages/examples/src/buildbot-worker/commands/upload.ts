// Files from here to the master.

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

/** Bytes of one call: a string may have 655,360. */
const LARGEST_BLOCK = 512 * 1024;

export const uploadFile = command<UploadArgs & { keepstamp?: boolean }>(
  ["writer", "blocksize", "workdir", "workersrc"],
  async (task) => {
    const { args, path } = task;
    using writer = args.writer;
    const source = path(args.workdir, args.workersrc);
    let isWhole: boolean;
    let stamp: Tuple;
    try {
      // A folder, or nothing, is found out before the master is told anything.
      const { atimeMs, mtimeMs } = await stat(source);
      isWhole = await send(task, createReadStream(source));
      stamp = tuple(new Float(atimeMs / 1000), new Float(mtimeMs / 1000));
    } finally {
      await writer.callRemote("close");
    }
    if (!isWhole) return 1;
    // The master's file has its name only now.
    if (args.keepstamp === true) await writer.callRemote("utime", stamp);
    return 0;
  },
);

const compressions = { gz: "--gzip", bz2: "--bzip2" };

/** As a tar archive, which the master unpacks. */
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
    const isWhole = await send(task, tar.stdout);
    const status = await ended;
    if (!isWhole || status !== 0) return 1;
    await writer.callRemote("unpack");
    return 0;
  },
);

/** Writes everything, or as much as may be. False when something had to stay behind. */
async function send({ args, report, signal }: Task<UploadArgs>, source: AsyncIterable<Buffer>): Promise<boolean> {
  const { writer, maxsize, workersrc } = args;
  let left = maxsize ?? Infinity;
  for await (const chunk of blocks(source, Math.min(args.blocksize, LARGEST_BLOCK))) {
    signal.throwIfAborted();
    await writer.callRemote("write", chunk.subarray(0, left));
    if (chunk.length > left) {
      report.text("stderr", `${workersrc} is larger than ${String(maxsize)} bytes, and was cut\n`);
      return false;
    }
    left -= chunk.length;
  }
  return true;
}

/** The same bytes in pieces no larger than `size`. */
async function* blocks(source: AsyncIterable<Buffer>, size: number): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    for (let start = 0; start < chunk.length; start += size) yield chunk.subarray(start, start + size);
  }
}
