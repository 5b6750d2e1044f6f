// Listens on a UNIX socket: replaces the socket of a dead server, never that of a living one, and removes its own at
// the end.

import { EndpointError } from "@pb/transport";
import cluster from "node:cluster";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmod, lstat, rename, unlink } from "node:fs/promises";
import type { ListenOptions, Server } from "node:net";
import { dirname, join } from "node:path";
import { MAX_PATH_BYTES, withoutNul } from "../endpoint/endpoint-object.js";
import type { UnixServerEndpoint } from "../endpoint/endpoint-types.js";
import { addressInUse, isListening, lockPath } from "./lock-file.js";

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
 * Call the result before the server stops listening: otherwise another server could find the old lock file, find that
 * no server listens, and take the path while this one removes it.
 */
export async function listenOnPath(
  server: Server,
  endpoint: UnixServerEndpoint,
  options: ListenOptions,
): Promise<Release> {
  const { path, mode = DEFAULT_MODE, lockfile = true } = endpoint;
  if (process.platform === "win32" || path.startsWith("\0")) {
    await startListening(server, { ...options, path }).catch((error: unknown) => {
      throw withoutNul(error);
    });
    return () => Promise.resolve();
  }
  if (cluster.isWorker) return listenShared(server, { path, mode, lockfile }, options);
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

/** Milliseconds between two attempts of a worker, and the number of attempts: a busy machine may stop the others. */
const RETRY_MS = 20;
const RETRIES = 100;

/**
 * In a worker of `node:cluster`, the primary process listens for all workers, and removes the socket when the last of
 * them has stopped. A socket that exists already is that of another server, or of a dead one, which one of the workers
 * replaces. The socket has the mode that the umask of the primary leaves until the first worker has set its own.
 */
async function listenShared(
  server: Server,
  { path, mode, lockfile }: Required<Pick<UnixServerEndpoint, "path">> & { mode: number; lockfile: boolean },
  options: ListenOptions,
): Promise<Release> {
  for (let attempt = 1; ; attempt++) {
    try {
      await startListening(server, { ...options, path });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
      server.removeAllListeners("listening"); // `node:cluster` leaves one behind.
      await removeDead(path, lockfile, attempt >= RETRIES);
    }
    // Another worker may be replacing the socket, or may have done so.
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
  await chmod(path, mode);
  return () => Promise.resolve();
}

/** Removes the socket of a dead server. If it cannot, throws `EADDRINUSE` at the last attempt. */
async function removeDead(path: string, lockfile: boolean, isLast: boolean): Promise<void> {
  try {
    const unlock = await lockPath(path);
    try {
      await requireFree(path, lockfile);
      await unlink(path);
    } finally {
      await unlock();
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (isLast || (code !== "EADDRINUSE" && code !== "ENOENT")) throw error;
  }
}

/** Resolves when the server listens. Rejects with Node's error. */
export async function startListening(server: Server, options: ListenOptions): Promise<void> {
  server.listen(options);
  await once(server, "listening");
}

/** Throws `EADDRINUSE` unless the path does not exist or is the socket of a dead server. */
async function requireFree(path: string, mayReplace: boolean): Promise<void> {
  const existing = await lstat(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  });
  if (existing === undefined) return;
  if (!existing.isSocket()) throw addressInUse(path, "the path exists and is not a socket");
  if (!mayReplace) throw addressInUse(path, "a socket exists there, and without a lock file it is not replaced");
  if (await isListening(path)) throw addressInUse(path, "another server listens there");
}
