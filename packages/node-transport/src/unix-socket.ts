// Listening on a path: takes it from a dead server, never from a live one, and gives it back.

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmod, lstat, readlink, realpath, rename, symlink, unlink } from "node:fs/promises";
import { connect } from "node:net";
import type { ListenOptions, Server } from "node:net";
import { basename, dirname, join } from "node:path";
import { MAX_PATH_BYTES } from "./endpoint-string.js";
import type { UnixServerEndpoint } from "./endpoint.js";
import { EndpointError } from "./errors.js";

/** Who may connect, unless told otherwise: the owner and the group. */
const DEFAULT_MODE = 0o660;

const OWN = String(process.pid);

/** The locks that this very process holds: a process id does not tell, for the dead server before us may have had the same, as in a container. */
const held = new Set<string>();

/** Gives back what was taken, if it is still ours. */
export type Release = () => Promise<void>;

/**
 * Makes `server` listen on the path. Rejects with `EADDRINUSE` when somebody listens there, or something that is no socket is there.
 *
 * The socket is made beside the path and renamed onto it, so that nobody meets it with the wrong mode, and a dead server's socket is replaced in one
 * step. `<path>.lock`, a link to our process id as Twisted makes it, keeps two servers from doing that at the same time.
 *
 * Give the path back before the server stops listening: whoever found its old lock and nobody there would take the path at the same time.
 */
export async function listenOnPath(
  server: Server,
  endpoint: UnixServerEndpoint,
  options: ListenOptions,
): Promise<Release> {
  const { path, mode = DEFAULT_MODE, lockfile = true } = endpoint;
  if (process.platform === "win32") {
    await listening(server, { ...options, path });
    return () => Promise.resolve();
  }
  // With a letter: Node takes a path that reads as a number for a port.
  const beside = join(dirname(path), `.p${randomBytes(3).toString("hex")}`);
  // The system would cut it off.
  if (Buffer.byteLength(beside) > MAX_PATH_BYTES)
    throw new EndpointError(
      path,
      "path",
      "expected a shorter folder: the socket is made in it under a name of 8 bytes",
    );
  const unlock = lockfile ? await lock(path, await lockName(path)) : undefined;
  try {
    await checkFree(path, lockfile);
    await listening(server, { ...options, path: beside });
    await chmod(beside, mode);
    const { ino } = await lstat(beside);
    await rename(beside, path);
    return async () => {
      try {
        await unlock?.();
      } finally {
        const there = await lstat(path).catch(() => undefined);
        if (there?.ino === ino) await unlink(path);
      }
    };
  } catch (error) {
    server.close(); // it may listen by now; the socket beside goes with it
    await unlock?.();
    throw error;
  }
}

/** Resolves when it listens; rejects with Node's error. */
export async function listening(server: Server, options: ListenOptions): Promise<void> {
  server.listen(options);
  await once(server, "listening");
}

/** Throws unless there is nothing at the path, or the socket of a server that is gone. */
async function checkFree(path: string, mayReplace: boolean): Promise<void> {
  const there = await lstat(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  });
  if (there === undefined) return;
  if (!there.isSocket()) throw inUse(path, "something that is not a socket is there");
  if (!mayReplace) throw inUse(path, "a socket is there, and without a lock file it is not replaced");
  if (await answers(path)) throw inUse(path, "another server listens there");
}

/** Whether somebody listens there. In doubt, somebody does. */
async function answers(path: string): Promise<boolean> {
  const probe = connect({ path });
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

/** The lock of a path. The same however its folder is called. */
async function lockName(path: string): Promise<string> {
  return join(await realpath(dirname(path)), `${basename(path)}.lock`);
}

/** Takes a lock, from a process that is gone if need be. */
async function lock(path: string, name: string): Promise<Release> {
  if (held.has(name)) throw inUse(path, "this process listens there");
  held.add(name);
  try {
    await takeLock(path, name);
  } catch (error) {
    held.delete(name);
    throw error;
  }
  return async () => {
    try {
      if ((await readlink(name).catch(() => undefined)) === OWN) await unlink(name);
    } finally {
      held.delete(name);
    }
  };
}

/**
 * Makes the lock, or replaces that of a process that is gone. Who replaces one holds the lock of the lock from the look at it to the end:
 * otherwise two could see the same dead one, and the slower would replace the new lock of the faster.
 */
async function takeLock(path: string, name: string): Promise<void> {
  while (!(await made(name))) {
    const unlock = await lock(path, `${name}.lock`);
    try {
      const holder = await holderOf(path, name);
      if (holder === undefined) continue; // It has just been given back.
      await checkGone(path, name, holder);
      // It may have given the lock back just before it went. If it has not by now, it never will, and nobody else touches its lock.
      if ((await holderOf(path, name)) !== holder) continue;
      const beside = `${name}.${randomBytes(3).toString("hex")}`;
      await symlink(OWN, beside);
      await rename(beside, name);
      return;
    } finally {
      await unlock();
    }
  }
}

/** Whether the lock could be made, for there was none. */
async function made(name: string): Promise<boolean> {
  try {
    await symlink(OWN, name);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** The process that has the lock, in digits. */
async function holderOf(path: string, name: string): Promise<string | undefined> {
  try {
    return await readlink(name);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    if (code === "EINVAL") throw inUse(path, "what is there as its lock is not one");
    throw error;
  }
}

/** Throws unless the process that made the lock is gone. One with our own id is, or would be in `held`. */
async function checkGone(path: string, name: string, holder: string): Promise<void> {
  if (await answers(path)) throw inUse(path, `process ${holder} listens there`);
  if (holder !== OWN && isAlive(Number(holder)) && !(await isOld(name))) {
    throw inUse(path, `process ${holder} has locked it`);
  }
}

/** A process takes the lock just before it listens; when nobody listens long after, it has died and its id was given to another. */
async function isOld(name: string): Promise<boolean> {
  const link = await lstat(name).catch(() => undefined);
  return link === undefined || Date.now() - link.mtimeMs > 60_000;
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function inUse(path: string, why: string): Error {
  return Object.assign(new Error(`Cannot listen on ${path}: ${why}`), {
    code: "EADDRINUSE",
    syscall: "listen",
    address: path,
  });
}
