// Replaces a file in one step, with its mode and owner, while no other `pb passwd` does.

import { lstat, open, readFile, realpath, rename, stat, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { printable } from "@pb/jelly-types";
import { CliError } from "../errors.js";

/** The mode of a new file: only its owner can read the passwords. */
const MODE = 0o600;

/**
 * Reads a file, and replaces it with what `change` returns: a reader sees the old file or the new one, never a part.
 * With `create`, a file that does not exist is made. The new contents are written to `.NAME.new` in the same folder,
 * which also keeps two programs from changing the file at the same time. Rejects with `CliError` `CLI_FILE`, also for
 * a device, a pipe and a link to nothing, and with what `change` throws: then the file is as before.
 */
export async function replaceFile(path: string, create: boolean, change: (contents: Buffer) => Buffer): Promise<void> {
  const target = await targetOf(path);
  const draft = join(dirname(target), `.${basename(target)}.new`);
  const file = await open(draft, "wx", MODE).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw fileError(path, error as Error, "");
    throw new CliError(
      "CLI_FILE",
      `${printable(draft)} exists: another pb passwd changes the file, or was killed; then remove it`,
    );
  });
  try {
    const contents = await readExisting(target, create);
    await file.writeFile(change(contents ?? Buffer.alloc(0)));
    if (contents !== undefined) {
      const { uid, gid, mode } = await stat(target);
      const own = await file.stat();
      if (uid !== own.uid || gid !== own.gid) await file.chown(uid, gid);
      await file.chmod(mode & 0o7777);
    }
    await file.sync();
    await rename(draft, target);
  } catch (error) {
    await unlink(draft).catch(() => undefined);
    throw fileError(path, error as Error);
  } finally {
    await file.close();
  }
}

/** The file that a link leads to, so that the link stays a link. */
async function targetOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if ((await lstat(path).catch(() => undefined))?.isSymbolicLink() === true)
      throw new CliError("CLI_FILE", `${printable(path)} is a link that leads to no file`, { cause: error });
    return path;
  }
}

async function readExisting(path: string, create: boolean): Promise<Buffer | undefined> {
  try {
    return await readPasswords(path);
  } catch (error) {
    if (create && (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** The contents of a file. To read a pipe would wait, and a device must not be replaced: both are refused. */
export async function readPasswords(path: string): Promise<Buffer> {
  const about = await stat(path);
  if (!about.isFile()) throw new CliError("CLI_FILE", `${printable(path)} is not a file`);
  return readFile(path);
}

/** An error about a file, or `error` itself if it already is one. The hint is added when there is no such file. */
export function fileError(path: string, error: Error, missing = " (--create makes it)"): CliError {
  if (error instanceof CliError) return error;
  const hint = (error as NodeJS.ErrnoException).code === "ENOENT" ? missing : "";
  return new CliError("CLI_FILE", `${printable(path)}: ${error.message}${hint}`, { cause: error });
}
