// Sockets that systemd made and hands over (`sd_listen_fds(3)`, `twisted.python.systemd`).

import { EndpointError } from "./errors.js";
import type { SystemdServerEndpoint } from "./endpoint.js";

/** The first descriptor that is handed over. */
const FIRST = 3;

/** The descriptor of an inherited socket. Throws {@link EndpointError} when there is none, saying which there are. */
export function inheritedSocket(
  { index, name }: SystemdServerEndpoint,
  environment: NodeJS.ProcessEnv = process.env,
): number {
  const text = `systemd:${name === undefined ? `index=${index ?? 0}` : `name=${name}`}`;
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES } = environment;
  const count = LISTEN_PID === String(process.pid) ? Number(LISTEN_FDS) : 0;
  if (!(count > 0))
    throw new EndpointError(text, "the environment", "expected sockets from systemd: is there a .socket unit?");
  const names = LISTEN_FDNAMES?.split(":") ?? [];
  const place = name === undefined ? (index ?? 0) : names.indexOf(name);
  if (place < 0) throw new EndpointError(text, "name", `expected one of ${names.join(", ")}`);
  if (place >= count) throw new EndpointError(text, "index", `expected an integer from 0 to ${count - 1}`);
  return FIRST + place;
}
