// Waits until a socket is connected, secured or closed.

import { withDeadline } from "@pb/broker/extension";
import type { DeadlineOptions } from "@pb/broker/extension";
import type { Duplex } from "node:stream";

/**
 * Resolves when the socket emits `event`. When the socket closes first, rejects with its last error. When the deadline
 * expires, rejects with the reason of the signal or the error made by `timeoutError`. When it rejects, the socket is
 * destroyed.
 */
export async function waitForSocket(
  socket: Duplex,
  event: "connect" | "secureConnect",
  deadline: DeadlineOptions,
  timeoutError: (timeoutMs: number) => Error,
): Promise<void> {
  try {
    await withDeadline(deadline, timeoutError, () => emitted(socket, event));
  } catch (error) {
    discardSocket(socket);
    throw error;
  }
}

function emitted(socket: Duplex, event: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let cause = new Error(`The socket was closed before the event ${event}`);
    const fail = (error: Error): void => void (cause = error);
    const close = (): void => reject(cause);
    socket
      .once(event, () => {
        socket.off("error", fail).off("close", close);
        resolve();
      })
      .on("error", fail)
      .once("close", close);
  });
}

/** Destroys a socket and ignores its errors. */
export function discardSocket(socket: Duplex): void {
  socket.on("error", () => undefined).destroy();
}
