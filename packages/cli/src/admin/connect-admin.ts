// Connects to the admin socket of a server.

import type { RemoteReference } from "@pb/broker";
import { connect } from "@pb/node-transport";
import type { Admin } from "@pb/node-transport/admin";
import { withDeadline } from "../deadline.js";
import { codeOf } from "../errors.js";

/**
 * Runs an action with the admin object at the path of a UNIX socket, or at an endpoint such as `unix:/path`. The
 * connection ends when the signal aborts. Then the promise rejects with the reason of the signal. `timeout` is the text
 * of an option: the seconds that connecting may take, if the signal has no limit for it.
 */
export async function withAdmin<T>(
  socket: string,
  signal: AbortSignal,
  action: (admin: RemoteReference<Admin>) => Promise<T>,
  timeout?: string,
): Promise<T> {
  const endpoint = /^[\w+]+:/.test(socket) ? socket : ({ type: "unix", path: socket } as const);
  const open = (opening: AbortSignal): ReturnType<typeof connect> =>
    connect(endpoint, { signal: opening, broker: { onEvent: () => undefined } });
  const connection = await (timeout === undefined ? open(signal) : withDeadline(timeout, signal, open));
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
