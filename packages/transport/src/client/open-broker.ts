// The last step of connecting, the same for every transport: a broker on a connected link.

import { Broker, ConnectionLostError } from "@pb/broker";
import type { BrokerOptions } from "@pb/broker";
import { ServerBusyError, withDeadline } from "@pb/broker/extension";
import type { BrokerConfig, DeadlineOptions, Link } from "@pb/broker/extension";
import { ConnectError } from "../errors.js";

/**
 * Creates a broker on a connected link and resolves when both ends can call. When it rejects, the link is closed: with
 * `ConnectionLostError` when the two ends do not agree on a dialect or the link ends, with the reason of the signal, or
 * with `CONNECT_TIMEOUT` after `timeoutMs`, and with {@link ServerBusyError} when the server had no place. The signal
 * has no effect once the connection is ready.
 */
export async function openBroker(
  link: Link,
  options: BrokerOptions | BrokerConfig,
  deadline: DeadlineOptions = {},
): Promise<Broker> {
  const { description } = link.peer;
  const timeoutError = (timeoutMs: number): Error =>
    new ConnectError("CONNECT_TIMEOUT", `${description}: The connection was not ready within ${timeoutMs} ms`);
  if (deadline.signal?.aborted === true) link.destroy();
  return withDeadline(deadline, timeoutError, async (signal) => {
    const broker = new Broker(link, options);
    signal.addEventListener("abort", () => link.destroy(), { once: true });
    await broker.ready.catch((error: unknown) => {
      throw error instanceof ConnectionLostError && error.cause instanceof ServerBusyError ? error.cause : error;
    });
    return broker;
  });
}
