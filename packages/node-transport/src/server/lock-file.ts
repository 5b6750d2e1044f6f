// Lock files of UNIX sockets: symbolic links whose target is the id of the process, as Twisted makes them
// (`twisted.python.lockfile`).

import { printable } from "@pb/jelly-types";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { lstat, readlink, realpath, rename, symlink, unlink } from "node:fs/promises";
import { connect as connectSocket } from "node:net";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { SocketError } from "../errors.js";

const OWN_PID = String(process.pid);

/** Milliseconds after which a lock whose server does not listen is stale, although a process with its id exists. */
const STALE_MS = 60_000;

/**
 * The lock files of this process. The process id is not enough: in a container, the dead server before this one often
 * had the same id.
 */
const ownLocks = new Set<string>();

/** The errors about locks of living processes, which may release them soon. */
const heldErrors = new WeakSet();

/** Milliseconds between two attempts to get a lock. */
const RETRY_MS = 20;

/** Removes the lock file, if it is still that of this process. */
export type Unlock = () => Promise<void>;

/**
 * Locks the path of a socket with the file `<path>.lock`. Rejects with `EADDRINUSE` if a living process has locked it.
 */
export async function lockPath(path: string): Promise<Unlock> {
  // The real path of the folder, so that all names of the folder lead to the same lock.
  return lock(path, join(await realpath(dirname(path)), `${basename(path)}.lock`));
}

/**
 * As {@link lockPath}, but waits while a living process holds the lock, and resolves with undefined when a server
 * listens on the path. Rejects with the reason of the signal when that aborts first.
 */
export async function waitForLock(path: string, signal: AbortSignal | undefined): Promise<Unlock | undefined> {
  for (;;) {
    signal?.throwIfAborted();
    if (await isListening(path)) return undefined;
    try {
      return await lockPath(path);
    } catch (error) {
      if (!heldErrors.has(error as Error)) throw error;
    }
    await sleep(RETRY_MS);
  }
}

/** Whether a server listens on the path. True also if that cannot be found out. */
export async function isListening(path: string): Promise<boolean> {
  const probe = connectSocket({ path });
  try {
    await once(probe, "connect");
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code !== "ECONNREFUSED" && code !== "ENOENT";
  } finally {
    probe.destroy();
  }
}

/** The error for a path that is in use. */
export function addressInUse(path: string, why: string): SocketError {
  return new SocketError("EADDRINUSE", `unix:${path}: ${why}`);
}

/** The error for a lock that a living process holds. */
function lockHeld(path: string, why: string): Error {
  const error = addressInUse(path, why);
  heldErrors.add(error);
  return error;
}

async function lock(path: string, lockFile: string): Promise<Unlock> {
  if (ownLocks.has(lockFile)) throw lockHeld(path, "this process listens there");
  ownLocks.add(lockFile);
  let isOwn: boolean;
  try {
    isOwn = await acquire(path, lockFile);
  } catch (error) {
    ownLocks.delete(lockFile);
    throw error;
  }
  return async () => {
    try {
      if (isOwn && (await readlink(lockFile).catch(() => undefined)) === OWN_PID) await unlink(lockFile);
    } finally {
      ownLocks.delete(lockFile);
    }
  };
}

/**
 * Creates the lock file, or replaces that of a dead process. While replacing it, holds a second lock file,
 * `<lockFile>.lock`: otherwise two processes could find the same dead owner, and the slower one would replace the new
 * lock file of the faster one.
 *
 * Returns false if the lock file belongs to another user and cannot be replaced, and no server listens on the path. It
 * is then ignored: in a folder that users share, anyone could otherwise keep this server from starting.
 */
async function acquire(path: string, lockFile: string): Promise<boolean> {
  while (!(await create(lockFile))) {
    // A second lock file of another user is ignored at once, so that a chain of them has no effect.
    if (isSecond(lockFile) && (await inspect(path, lockFile))?.isForeign === true) return false;
    const unlock = await lock(path, `${lockFile}.lock`);
    try {
      const found = await inspect(path, lockFile);
      if (found === undefined) continue; // It was removed meanwhile.
      await requireDead(path, lockFile, found);
      // The owner may have removed the file just before it exited. If the file still exists now, no other process will
      // change it.
      if ((await inspect(path, lockFile))?.owner !== found.owner) continue;
      return await replace(lockFile, found);
    } finally {
      await unlock();
    }
  }
  return true;
}

function isSecond(lockFile: string): boolean {
  return lockFile.endsWith(".lock.lock");
}

/** Puts the lock file of this process in place of another. Returns false if it is foreign and cannot be replaced. */
async function replace(lockFile: string, { isForeign }: Lock): Promise<boolean> {
  const replacement = `${lockFile}.${randomBytes(3).toString("hex")}`;
  await symlink(OWN_PID, replacement);
  try {
    await rename(replacement, lockFile);
    return true;
  } catch (error) {
    await unlink(replacement);
    if (isForeign) return false;
    throw error;
  }
}

/** Creates the lock file. Returns false if it exists. */
async function create(lockFile: string): Promise<boolean> {
  try {
    await symlink(OWN_PID, lockFile);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** A lock file that exists. */
interface Lock {
  /** The process id in it. Empty for a foreign file that is not a symbolic link. */
  readonly owner: string;
  /** Whether it belongs to another user than this process and root. */
  readonly isForeign: boolean;
}

/** Undefined if the file does not exist. */
async function inspect(path: string, lockFile: string): Promise<Lock | undefined> {
  try {
    const { uid } = await lstat(lockFile);
    const isForeign = uid !== 0 && uid !== process.geteuid?.();
    const owner = await readlink(lockFile).catch((error: unknown) => {
      if (isForeign && (error as NodeJS.ErrnoException).code === "EINVAL") return "";
      throw error;
    });
    return { owner, isForeign };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    if (code === "EINVAL") throw addressInUse(path, "its lock file is not a symbolic link");
    throw error;
  }
}

/**
 * Throws `EADDRINUSE` unless the owner is dead. An owner with the id of this process is dead, because `ownLocks` does
 * not have the file. A foreign lock file counts only while a server listens: anyone can write the id of a process that
 * lives.
 */
async function requireDead(path: string, lockFile: string, { owner, isForeign }: Lock): Promise<void> {
  if (await isListening(path)) throw lockHeld(path, `process ${printable(owner)} listens there`);
  if (!isForeign && owner !== OWN_PID && isAlive(Number(owner)) && !(await isStale(lockFile)))
    throw lockHeld(path, `process ${owner} has locked it`);
}

/**
 * A server listens soon after it has locked the path. If no server listens long after that, the owner is dead, and its
 * process id belongs to another process now.
 */
async function isStale(lockFile: string): Promise<boolean> {
  const link = await lstat(lockFile).catch(() => undefined);
  return link === undefined || Date.now() - link.mtimeMs > STALE_MS;
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
