// Downloads a file from the master to the worker.

import { chmod, mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { command } from "../command.js";
import type { FileReader, Remote } from "../master.js";

interface DownloadArgs {
  reader: Remote<FileReader>;
  blocksize: number;
  maxsize: number | null;
  mode: number | null;
  workdir: string;
  workerdest: string;
}

export const downloadFile = command<DownloadArgs>(
  ["reader", "blocksize", "workdir", "workerdest"],
  async ({ args, report, signal, path }) => {
    const { blocksize, maxsize } = args;
    using reader = args.reader;
    const destination = path(args.workdir, args.workerdest);
    try {
      await mkdir(dirname(destination), { recursive: true });
      await using file = await open(destination, "w");
      let left = maxsize ?? Infinity;
      while (left > 0) {
        signal.throwIfAborted();
        const data = await reader.callRemote("read", Math.min(blocksize, left));
        if (data.length === 0) break;
        const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
        await file.writeFile(bytes);
        left -= bytes.length;
      }
      if (left <= 0) {
        report.text("stderr", `${args.workerdest} is larger than ${String(maxsize)} bytes and was truncated\n`);
        return 1;
      }
    } finally {
      await reader.callRemote("close");
    }
    if (typeof args.mode === "number") await chmod(destination, args.mode);
    return 0;
  },
);
