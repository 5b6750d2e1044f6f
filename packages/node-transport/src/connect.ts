// Making a connection.

import { Broker } from "@pb/broker";
import type { BrokerConfig, BrokerOptions } from "@pb/broker";
import { connect as connectSocket } from "node:net";
import type { Socket } from "node:net";
import { parseClientEndpoint } from "./endpoint.js";
import type { TcpClientEndpoint } from "./endpoint.js";
import { SocketLink } from "./socket-link.js";

export interface ConnectOptions {
  /** What this side offers and accepts. */
  readonly broker?: BrokerOptions | BrokerConfig | undefined;
  /** Gives up connecting. Has no effect on a connection that is ready. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Connects to a server and resolves when both ends are ready to call. `endpoint` is an endpoint string such as `tcp:localhost:8787`, or an
 * object of its parts.
 *
 * Throws `EndpointError`; rejects with Node's error when nobody answers, with `ConnectionLostError` when the peer speaks something else, with
 * the signal's reason when that comes first.
 */
export async function connect(endpoint: string | TcpClientEndpoint, options: ConnectOptions = {}): Promise<Broker> {
  const { host, port } = typeof endpoint === "string" ? parseClientEndpoint(endpoint) : endpoint;
  const { signal } = options;
  signal?.throwIfAborted();
  const socket = connectSocket({ host, port });
  const abort = (): void => void socket.destroy();
  signal?.addEventListener("abort", abort, { once: true });
  try {
    await connected(socket);
    const broker = new Broker(new SocketLink(socket, "initiator"), options.broker);
    await broker.ready;
    return broker;
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

function connected(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    let cause = new Error("The socket was closed before it was connected");
    const onError = (error: Error): void => void (cause = error);
    const onClose = (): void => reject(cause);
    socket.on("error", onError);
    socket.on("close", onClose);
    socket.once("connect", () => {
      socket.off("error", onError).off("close", onClose);
      resolve();
    });
  });
}
