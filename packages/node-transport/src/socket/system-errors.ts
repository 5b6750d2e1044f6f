// Turns errors of the system, with which connecting and listening fail, into a `SocketError` that says what to do.

import { printable } from "@pb/jelly-types";
import { lstat, stat } from "node:fs/promises";
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { dirname } from "node:path";
import { SocketError } from "../errors.js";

/** What a socket was to be used for. */
export interface SocketAttempt {
  readonly action: "connect" | "listen";
  /** The endpoint, for the message. */
  readonly where: string;
  readonly port?: number | undefined;
  /** The host to connect to, or the interface to listen on. */
  readonly host?: string | undefined;
  readonly bindAddress?: string | undefined;
  /** The path of a UNIX socket. */
  readonly path?: string | undefined;
}

/** Returns a {@link SocketError} for an error of the system, and any other error unchanged. */
export async function explainSystemError(error: unknown, attempt: SocketAttempt): Promise<unknown> {
  if (!(error instanceof Error) || error instanceof SocketError) return error;
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (typeof code !== "string" || syscall === undefined) return error;
  const actual = await actualCode(code, attempt);
  const advice = (await adviceForPath(actual, attempt)) ?? adviceFor(actual, attempt);
  // The name of an abstract socket begins with a NUL, which `ss` and systemd write as @.
  const [where, message] = [attempt.where, error.message].map((text) => text.replace("\0", "@")) as [string, string];
  return new SocketError(actual, printable(`${where}: ${advice}${message}${advice === "" ? "" : ")"}`, 1_000), {
    cause: error,
  });
}

/** libuv reports a folder that does not exist as `EACCES` when a UNIX socket is created in it. */
async function actualCode(code: string, { action, path }: SocketAttempt): Promise<string> {
  if (code !== "EACCES" || action !== "listen" || path === undefined || path.startsWith("\0")) return code;
  return stat(dirname(path)).then(
    () => code,
    (reason: unknown) => (reason as NodeJS.ErrnoException).code ?? code,
  );
}

async function adviceForPath(code: string, { action, path }: SocketAttempt): Promise<string | undefined> {
  if (path === undefined || path.startsWith("\0")) return undefined;
  if (path.endsWith("/")) return "The path ends with a slash, as that of a folder: name the socket (";
  const folder = JSON.stringify(dirname(path));
  const there = await lstat(path).catch(() => undefined);
  if (there?.isDirectory() === true) return "This is a folder: add the name of the socket (";
  if (there !== undefined && !there.isSocket() && !there.isSymbolicLink()) return "This is a file, not a socket (";
  switch (code) {
    case "ENOENT":
      if (action === "listen") return `The folder ${folder} does not exist, or takes no files (`;
      return "There is no socket: does the server run, and is the path right? (";
    case "ENOTDIR":
      return `${folder} is not a folder (`;
    case "EACCES":
    case "EPERM":
      return action === "listen"
        ? `This user may not create files in ${folder} (`
        : "This user may not connect: the mode of the socket and of its folders decides (";
    case "ECONNREFUSED":
      return "No server listens on the socket: it is that of a server that has ended (";
    default:
      return undefined;
  }
}

/** Ends with an opening parenthesis, or is empty. */
function adviceFor(code: string, { action, port, host, bindAddress }: SocketAttempt): string {
  const own = action === "listen" ? host : bindAddress;
  switch (code) {
    case "EADDRINUSE":
      return "Another server listens there: stop it, or use another port, or port 0 for any free one (";
    case "EACCES":
      return action === "listen" && port !== undefined && port < 1024
        ? "Ports below 1024 need privileges: use a larger port, a socket of systemd, or CAP_NET_BIND_SERVICE ("
        : "The system does not allow it (";
    case "EMFILE":
    case "ENFILE":
      return "Too many files and sockets are open: raise LimitNOFILE= or ulimit -n (";
    case "EADDRNOTAVAIL":
    case "EINVAL":
      return own === undefined ? "" : `${JSON.stringify(own)} is no address of this machine that can be used here (`;
    case "ENOTFOUND":
      return action === "listen" ? unknownInterface(host ?? "") : "There is no host with this name (";
    case "EAI_AGAIN":
      return "The name could not be looked up, because no name server answered (";
    case "ECONNREFUSED":
      return "No server listens there (";
    default:
      return "";
  }
}

/** Twisted takes addresses only, too. */
function unknownInterface(name: string): string {
  const found = Object.entries(networkInterfaces()).find(([card]) => card === name)?.[1] ?? [];
  const addresses = found.map(({ address }) => address).filter((address) => isIP(address) !== 0);
  const expected = addresses.length === 0 ? "such as 127.0.0.1" : `such as ${addresses.join(" or ")}`;
  return `The interface must be an address of this machine, ${expected}, and not ${JSON.stringify(name)} (`;
}
