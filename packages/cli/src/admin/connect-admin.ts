// Connects to the admin socket of a server.

import type { RemoteReference } from "@pb/broker";
import { connect } from "@pb/node-transport";
import type { Admin } from "@pb/node-transport/admin";
import { codeOf } from "../errors.js";

/**
 * Runs an action with the admin object at the path of a UNIX socket, or at an endpoint such as `unix:/path`. The
 * connection ends when the signal aborts. Then the promise rejects with the reason of the signal.
 */
export async function withAdmin<T>(
  socket: string,
  signal: AbortSignal,
  action: (admin: RemoteReference<Admin>) => Promise<T>,
): Promise<T> {
  const endpoint = /^[\w+]+:/.test(socket) ? socket : ({ type: "unix", path: socket } as const);
  const connection = await connect(endpoint, { signal, broker: { onEvent: () => undefined } });
  const stop = (): void => connection.terminate("closed");
  signal.addEventListener("abort", stop);
  try {
    return await action(await connection.getRootObject<Admin>());
  } catch (error) {
    signal.throwIfAborted();
    // It ended between two calls: say why.
    throw codeOf(error) === "REFERENCE_DEAD" ? await connection.closed : error;
  } finally {
    await connection.close();
    signal.removeEventListener("abort", stop);
  }
}
