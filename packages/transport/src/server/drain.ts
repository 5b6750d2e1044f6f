// Closes the connections of a server so that no call is lost.

import type { Broker } from "@pb/broker";
import { withDeadline } from "@pb/broker/extension";

/** How to close a server. */
export interface CloseOptions {
  /**
   * Milliseconds until all connections are closed, whatever their peers do. Peers are told to make no further calls,
   * and calls in flight may finish, in both directions. Default 0: connections close as soon as everything that is
   * queued has been sent, for which they have 5 seconds.
   */
  readonly drainMs?: number | undefined;
  /** When peers should reconnect, in milliseconds, for peers that are told. Default 0: at once. */
  readonly retryAfterMs?: number | undefined;
}

/** {@link CloseOptions} with all defaults filled in. */
export interface DrainTimes {
  readonly drainMs: number;
  readonly retryAfterMs: number;
}

/** Milliseconds that queued bytes have to leave when calls are not waited for. */
const CLOSE_MS = 5_000;

/**
 * Milliseconds without a received byte after which a peer that cannot be told is taken to have nothing on its way.
 */
const SILENCE_MS = 100;

/**
 * Closes a connection as {@link CloseOptions} say. Resolves when it is closed, with the number of calls whose outcome
 * is unknown because the time was over.
 */
export async function drain(broker: Broker, { drainMs, retryAfterMs }: DrainTimes): Promise<number> {
  const timeoutMs = drainMs > 0 ? drainMs : CLOSE_MS;
  const timeoutError = (): Error => new Error(`The connection did not close within ${timeoutMs} ms`);
  const isInTime = await withDeadline({ timeoutMs }, timeoutError, async (signal) => {
    if (drainMs > 0) await finishCalls(broker, retryAfterMs, signal);
    await broker.close();
  }).then(
    () => true,
    () => false,
  );
  const { callsRunning, callsHeld, callsWaiting } = broker.stats();
  broker.terminate("closed");
  await broker.closed;
  return isInTime ? 0 : callsRunning + callsHeld + callsWaiting;
}

/** Resolves when no calls are running or on their way, or when the connection has ended. */
async function finishCalls(broker: Broker, retryAfterMs: number, signal: AbortSignal): Promise<void> {
  try {
    if (await broker.goAway({ retryAfterMs })) await broker.closed;
    else await silence(broker, signal);
  } catch {
    // The connection has ended.
  }
}

/** Resolves when all calls are answered and nothing has been received for a while. */
async function silence(broker: Broker, signal: AbortSignal): Promise<void> {
  let bytesReceived: number;
  do {
    await broker.idle();
    ({ bytesReceived } = broker.stats());
    await new Promise((resolve) => setTimeout(resolve, SILENCE_MS));
  } while (!signal.aborted && broker.isOpen && broker.stats().bytesReceived > bytesReceived);
}
