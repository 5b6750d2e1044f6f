// Listening on a path: takes it from a dead server, never from a live one, and gives it back.

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmod, lstat, readlink, rename, symlink, unlink } from "node:fs/promises";
import { connect } from "node:net";
import type { ListenOptions, Server } from "node:net";
import { dirname, join } from "node:path";
import type { UnixServerEndpoint } from "./endpoint.js";

/** Who may connect, unless told otherwise: the owner and the group. */
const DEFAULT_MODE = 0o660;

/** The locks that this very process holds: a process id does not tell, for the dead server before us may have had the same, as in a container. */
const held = new Set<string>();

/** Gives the path back, if it is still ours. */
export type Release = () => Promise<void>;

/**
 * Makes `server` listen on the path. Rejects with `EADDRINUSE` when somebody listens there, or something that is no socket is there.
 *
 * The socket is made beside the path and renamed onto it, so that nobody meets it with the wrong mode, and a dead server's socket is replaced in one
 * step. `<path>.lock`, a link to our process id as Twisted makes it, keeps two servers from doing that at the same time.
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
  const unlock = lockfile ? await lock(path) : undefined;
  try {
    await checkFree(path, lockfile);
    // With a letter: Node takes a path that reads as a number for a port.
    const beside = join(dirname(path), `.p${randomBytes(3).toString("hex")}`);
    await listening(server, { ...options, path: beside });
    await chmod(beside, mode);
    const { ino } = await lstat(beside);
    await rename(beside, path);
    return async () => {
      const there = await lstat(path).catch(() => undefined);
      if (there?.ino === ino) await unlink(path);
      await unlock?.();
    };
  } catch (error) {
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
  const probe = connect(path);
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

/** Takes the lock of a path, from a process that is gone if need be. */
async function lock(path: string): Promise<Release> {
  const name = `${path}.lock`;
  const own = String(process.pid);
  for (let attempts = 0; ; attempts++) {
    try {
      if (held.has(name)) throw inUse(path, "this process listens there");
      await symlink(own, name);
      held.add(name);
      return async () => {
        held.delete(name);
        if ((await readlink(name).catch(() => undefined)) === own) await unlink(name);
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST" || attempts === 10) throw error;
    }
    const holder = await readlink(name).catch(() => undefined);
    if (holder !== undefined && holder !== own && isAlive(Number(holder))) {
      if (await answers(path)) throw inUse(path, `process ${holder} listens there`);
      if (!(await isOld(name))) throw inUse(path, `process ${holder} has locked it`);
    }
    if (holder !== undefined) await discard(name, holder);
  }
}

/** Removes the lock of a process that is gone. By renaming, so that of two who see it only one removes it. */
async function discard(name: string, holder: string): Promise<void> {
  const aside = `${name}.${randomBytes(3).toString("hex")}`;
  try {
    await rename(name, aside);
    const found = await readlink(aside);
    await unlink(aside);
    // Somebody else was faster, and this was already the new lock: it goes back, unless there is yet another.
    if (found !== holder) await symlink(found, name);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "EEXIST") throw error;
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
