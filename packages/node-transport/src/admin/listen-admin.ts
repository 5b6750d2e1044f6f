// The UNIX socket of an admin object.

import { EndpointError } from "@pb/transport";
import { listen } from "../server/listen.js";
import type { Server } from "../server/server.js";
import { Admin } from "./admin.js";
import type { AdminOptions } from "./admin-options.js";

/** Only the user of this process, and root, may connect. */
const MODE = 0o600;

/**
 * Serves an {@link Admin} at the path of a UNIX socket with the mode 600, and resolves when it listens. The system
 * checks the mode when a program connects. Close the result when the other servers are closed.
 *
 * Rejects with `TypeError` for wrong options, with `EndpointError` for an abstract socket and on Windows, where any
 * user could connect, and as `listen` does.
 */
export async function listenAdmin(path: string, options: AdminOptions): Promise<Server> {
  const admin = new Admin(options);
  if (process.platform === "win32")
    throw new EndpointError(path, "path", "expected another system: Windows has no modes for sockets");
  return listen({ type: "unix", path, mode: MODE }, admin, { limits: { connections: 20 } });
}
