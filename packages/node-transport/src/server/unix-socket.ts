// Listens on a UNIX socket: replaces the socket of a dead server, never that of a living one, and removes its own at
// the end.

import { EndpointError } from "@pb/transport";
import cluster from "node:cluster";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Stats } from "node:fs";
import { chmod, lstat, rename, unlink } from "node:fs/promises";
import type { ListenOptions, Server } from "node:net";
import { dirname, join } from "node:path";
import { MAX_PATH_BYTES } from "../endpoint/endpoint-object.js";
import type { UnixServerEndpoint } from "../endpoint/endpoint-types.js";
import { addressInUse, isListening, lockPath, waitForLock } from "./lock-file.js";

/** The default mode of a socket: the owner and the group may connect. */
const DEFAULT_MODE = 0o660;

/** Removes the socket and its lock file, if they are still those of this server. */
export type Release = () => Promise<void>;

/**
 * Makes `server` listen on the path. Rejects with `EADDRINUSE` if another server listens there, or if the path is not a
 * socket.
 *
 * The socket is created under another name and then renamed, so that no client can connect before it has the right
 * mode, and so that the socket of a dead server is replaced in one step. The lock file `<path>.lock` keeps two servers
 * from doing that at the same time.
 *
 * A worker of `node:cluster` waits while another process starts or replaces a server there, until the signal aborts.
 *
 * Call the result before the server stops listening: otherwise another server could find the old lock file, find that
 * no server listens, and take the path while this one removes it.
 */
export async function listenOnPath(
  server: Server,
  endpoint: UnixServerEndpoint,
  options: ListenOptions,
  signal?: AbortSignal,
): Promise<Release> {
  const { path, mode = DEFAULT_MODE, lockfile = true } = endpoint;
  if (process.platform === "win32" || path.startsWith("\0")) {
    await startListening(server, { ...options, path });
    return () => Promise.resolve();
  }
  if (cluster.isWorker) return listenShared(server, { path, mode, lockfile }, options, signal);
  // The letter is necessary: Node takes a path of digits for a port.
  const temporaryPath = join(dirname(path), `.p${randomBytes(3).toString("hex")}`);
  // The system would cut off the rest without an error.
  if (Buffer.byteLength(temporaryPath) > MAX_PATH_BYTES) {
    const expected = "expected a shorter folder: the socket is created there under a name of 8 bytes";
    throw new EndpointError(path, "path", expected);
  }
  const unlock = lockfile ? await lockPath(path) : undefined;
  try {
    await requireFree(path, lockfile);
    await startListening(server, { ...options, path: temporaryPath });
    await chmod(temporaryPath, mode);
    const { ino } = await lstat(temporaryPath);
    await rename(temporaryPath, path);
    return async () => {
      try {
        await unlock?.();
      } finally {
        const current = await lstat(path).catch(() => undefined);
        if (current?.ino === ino) await unlink(path);
      }
    };
  } catch (error) {
    server.close(); // If it listens already, this removes the temporary socket.
    await unlock?.();
    throw error;
  }
}

/**
 * In a worker of `node:cluster`, the primary process listens for all workers, and removes the socket when the last of
 * them has stopped. The socket has the mode that the umask of the primary leaves until the first worker has set its
 * own.
 *
 * The socket of a dead server is removed first, by the worker that has the lock. Asking the primary before that would
 * fail, and could not be repeated: `node:cluster` counts the attempts of each worker, also those that fail, and lets
 * two workers share a socket only if both got it with the same attempt.
 */
async function listenShared(
  server: Server,
  { path, mode, lockfile }: Shared,
  options: ListenOptions,
  signal: AbortSignal | undefined,
): Promise<Release> {
  const unlock = lockfile ? await waitForLock(path, signal) : undefined;
  try {
    if (unlock !== undefined) await removeDead(path);
    await startListening(server, { ...options, path });
    await chmod(path, mode);
  } catch (error) {
    server.close(); // If it listens already, it leaves the socket to the other workers.
    throw (error as NodeJS.ErrnoException).code === "EADDRINUSE" ? await whyInUse(path, lockfile) : error;
  } finally {
    await unlock?.();
  }
  return () => Promise.resolve();
}

interface Shared {
  readonly path: string;
  readonly mode: number;
  readonly lockfile: boolean;
}

/** The reason why the primary cannot listen for a worker. */
async function whyInUse(path: string, mayReplace: boolean): Promise<unknown> {
  if (await isListening(path))
    return addressInUse(path, "another server listens there, and only a new worker can try again");
  return requireFree(path, mayReplace).then(
    () => addressInUse(path, "another server listened there, and only a new worker can try again"),
    (error: unknown) => error,
  );
}

/** Removes the socket of a dead server. */
async function removeDead(path: string): Promise<void> {
  const existing = await lstatIfExists(path);
  if (existing?.isSocket() === true && !(await isListening(path))) await unlink(path);
}

/** Resolves when the server listens. Rejects with Node's error. */
export async function startListening(server: Server, options: ListenOptions): Promise<void> {
  server.listen(options);
  await once(server, "listening");
}

/** Throws `EADDRINUSE` unless the path does not exist or is the socket of a dead server. */
async function requireFree(path: string, mayReplace: boolean): Promise<void> {
  const existing = await lstatIfExists(path);
  if (existing === undefined) return;
  if (existing.isDirectory()) throw addressInUse(path, "the path is a folder: add the name of the socket");
  if (!existing.isSocket()) throw addressInUse(path, "the path exists and is not a socket");
  if (!mayReplace) throw addressInUse(path, "a socket exists there, and without a lock file it is not replaced");
  if (await isListening(path)) throw addressInUse(path, "another server listens there");
}

async function lstatIfExists(path: string): Promise<Stats | undefined> {
  return lstat(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  });
}
