// Connects for one command.

import type { Broker } from "@pb/broker";
import { SecurityPolicy } from "@pb/jelly-types";
import { connect } from "@pb/node-transport";

/**
 * Connects with options that show all that a peer can send: unknown classes as data, and floats as floats. Nothing that
 * is received runs code. The liveness of a connection is not checked: a command has a timeout.
 */
function connectTo(endpoint: string, signal: AbortSignal): Promise<Broker> {
  return connect(endpoint, {
    signal,
    liveness: false,
    broker: {
      policy: SecurityPolicy.everything,
      unknownCopies: "keep",
      exactness: { floats: "exact" },
      onEvent: () => undefined,
    },
  });
}

/**
 * Runs an action with a connection, which is closed afterwards. When the signal aborts, the connection ends at once,
 * and the promise rejects with the reason of the signal.
 */
export async function withConnection<T>(
  endpoint: string,
  signal: AbortSignal,
  action: (connection: Broker) => Promise<T>,
): Promise<T> {
  const connection = await connectTo(endpoint, signal);
  const stop = (): void => connection.terminate("closed");
  signal.addEventListener("abort", stop);
  try {
    signal.throwIfAborted();
    return await action(connection);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    await connection.close();
    signal.removeEventListener("abort", stop);
  }
}
