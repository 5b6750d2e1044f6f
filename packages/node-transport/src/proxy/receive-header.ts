// Takes the header of the PROXY protocol off the start of a socket.

import { withDeadline } from "@pb/broker/extension";
import { ConnectError } from "@pb/transport";
import type { Socket } from "node:net";
import { discardSocket } from "../socket/socket-events.js";
import { readProxyHeader } from "./proxy-header.js";
import type { ProxiedClient } from "./proxy-header.js";

/**
 * Resolves with the client that the header names. The next byte of the socket is then the first one after the header.
 * Resolves with undefined when the peer closes the socket and has not sent a byte, as a health check does.
 * Rejects with `ConnectError`, and then the socket is destroyed, when the header is not valid or not complete within
 * `timeoutMs`, and when the socket closes.
 */
export async function receiveHeader(socket: Socket, timeoutMs: number): Promise<ProxiedClient | undefined> {
  const timeoutError = (ms: number): Error => failure(`it was not complete within ${ms} ms`);
  let stop = (): void => undefined;
  try {
    return await withDeadline({ timeoutMs }, timeoutError, () => {
      return new Promise<ProxiedClient | undefined>((resolve, reject) => {
        let bytes = Buffer.alloc(0);
        let cause: Error | undefined;
        const read = (): void => {
          for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read() as Buffer | null) {
            bytes = Buffer.concat([bytes, chunk]);
            const header = attempt(() => readProxyHeader(bytes), reject);
            if (header === undefined) continue;
            stop();
            if (bytes.length > header.length) socket.unshift(bytes.subarray(header.length));
            resolve(header.client);
            return;
          }
        };
        const fail = (error: Error): void => void (cause = error);
        const closed = (): void => reject(failure("the connection was closed before it was complete", cause));
        const end = (): void => (bytes.length === 0 ? resolve(undefined) : closed());
        const close = (): void => (cause === undefined ? closed() : end());
        stop = () => void socket.off("readable", read).off("end", end).off("close", close).off("error", fail);
        socket.on("readable", read).on("error", fail).once("end", end).once("close", close);
      });
    });
  } catch (error) {
    stop();
    discardSocket(socket);
    throw error;
  }
}

/** Returns the result of `work`, or passes its error to `reject`. */
function attempt<T>(work: () => T, reject: (error: unknown) => void): T | undefined {
  try {
    return work();
  } catch (error) {
    reject(error);
    return undefined;
  }
}

function failure(what: string, cause?: Error): ConnectError {
  return new ConnectError("CONNECT_PROXY_HEADER", `The header of the PROXY protocol is missing: ${what}`, { cause });
}
