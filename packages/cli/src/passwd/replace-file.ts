// Replaces a file in one step, with its mode and owner, while no other `pb passwd` does.

import { chmod, open, readFile, realpath, rename, stat, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { printable } from "@pb/jelly-types";
import { CliError } from "../errors.js";

/** The mode of a new file: only its owner can read the passwords. */
const MODE = 0o600;

/**
 * Reads a file, and replaces it with what `change` returns: a reader sees the old file or the new one, never a part.
 * With `create`, a file that does not exist is made. The new contents are written to `.NAME.new` in the same folder,
 * which also keeps two programs from changing the file at the same time. Rejects with `CliError` `CLI_FILE`, and with
 * what `change` throws: then the file is as before.
 */
export async function replaceFile(path: string, create: boolean, change: (contents: Buffer) => Buffer): Promise<void> {
  const target = await realpath(path).catch(() => path); // A link stays a link.
  const draft = join(dirname(target), `.${basename(target)}.new`);
  const file = await open(draft, "wx", MODE).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw fileError(path, error as Error);
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
      await chmod(draft, mode & 0o7777);
    }
    await file.sync();
    await rename(draft, target);
  } catch (error) {
    await unlink(draft).catch(() => undefined);
    throw error instanceof CliError ? error : fileError(path, error as Error);
  } finally {
    await file.close();
  }
}

async function readExisting(path: string, create: boolean): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (create && (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

export function fileError(path: string, error: Error): CliError {
  const hint = (error as NodeJS.ErrnoException).code === "ENOENT" ? " (--create makes it)" : "";
  return new CliError("CLI_FILE", `${printable(path)}: ${error.message}${hint}`, { cause: error });
}
