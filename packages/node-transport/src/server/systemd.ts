// Listening sockets that systemd passes to this process (`sd_listen_fds(3)`, `twisted.python.systemd`).

import { EndpointError } from "@pb/transport";
import cluster from "node:cluster";
import type { SystemdServerEndpoint } from "../endpoint/endpoint-types.js";

/** The first file descriptor that systemd passes (`SD_LISTEN_FDS_START`). */
const FIRST_DESCRIPTOR = 3;

/** The file descriptor of an inherited socket. Throws {@link EndpointError} if there is no such socket. */
export function inheritedSocket(
  { index, name }: SystemdServerEndpoint,
  environment: NodeJS.ProcessEnv = process.env,
): number {
  const text = `systemd:${name === undefined ? `index=${index ?? 0}` : `name=${name}`}`;
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES } = environment;
  // A worker of `node:cluster` listens through its primary process, which is the one that has the sockets.
  const owner = cluster.isWorker ? process.ppid : process.pid;
  const count = LISTEN_PID === String(owner) ? Number(LISTEN_FDS) : 0;
  if (!(count > 0))
    throw new EndpointError(text, "the environment", "expected sockets from systemd: is there a .socket unit?");
  const names = LISTEN_FDNAMES?.split(":") ?? [];
  const position = name === undefined ? (index ?? 0) : names.indexOf(name);
  if (position < 0) throw new EndpointError(text, "name", `expected one of ${names.join(", ")}`);
  if (position >= count) throw new EndpointError(text, "index", `expected an integer from 0 to ${count - 1}`);
  return FIRST_DESCRIPTOR + position;
}
