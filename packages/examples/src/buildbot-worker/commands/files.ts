// Commands for files and folders. Their system errors are reported to the master: see Command in command.ts.

import { tuple } from "@pb/jelly-types";
import { cp, mkdir as makeFolder, readdir, rm, stat as statOf, unlink } from "node:fs/promises";
import { command } from "../command.js";
import { findFiles } from "../glob.js";

export const mkdir = command<{ dir: string | string[] }>(["dir"], async ({ args, path }) => {
  for (const dir of [args.dir].flat()) await makeFolder(path(dir), { recursive: true });
  return 0;
});

export const rmdir = command<{ dir: string | string[] }>(["dir"], async ({ args, path, signal }) => {
  for (const dir of [args.dir].flat()) {
    signal.throwIfAborted();
    await rm(path(dir), { recursive: true, force: true, maxRetries: 3 });
  }
  return 0;
});

export const cpdir = command<{ fromdir: string; todir: string }>(["fromdir", "todir"], async ({ args, path }) => {
  await cp(path(args.fromdir), path(args.todir), {
    recursive: true,
    preserveTimestamps: true,
    verbatimSymlinks: true,
  });
  return 0;
});

/** Reports the ten numbers of Python's `os.stat`. */
export const stat = command<{ file: string; workdir?: string }>(["file"], async ({ args, path, report }) => {
  const { mode, ino, dev, nlink, uid, gid, size, atimeMs, mtimeMs, ctimeMs } = await statOf(
    path(args.workdir, args.file),
  );
  const times = [atimeMs, mtimeMs, ctimeMs].map((ms) => Math.floor(ms / 1000));
  report.update({ stat: tuple(mode, ino, dev, nlink, uid, gid, size, ...times) });
  return 0;
});

export const glob = command<{ path: string }>(["path"], async ({ args, path, report }) => {
  report.update({ files: await findFiles(path(args.path)) });
  return 0;
});

export const listdir = command<{ dir: string }>(["dir"], async ({ args, path, report }) => {
  report.update({ files: await readdir(path(args.dir)) });
  return 0;
});

export const rmfile = command<{ path: string }>(["path"], async ({ args, path }) => {
  await unlink(path(args.path));
  return 0;
});
