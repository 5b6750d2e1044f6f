// One buffer into which the plain sockets of all clients read.

import { connect } from "node:net";
import type { NetConnectOpts, Socket } from "node:net";
import type { Duplex } from "node:stream";

/** Opens a socket as `connect` of `node:net` does. */
export type ConnectSocket = (options: NetConnectOpts) => Socket;

/** The most bytes of one read. A large value saves calls of the system for large messages (bench `bytes`). */
const READ_BYTES = 256 * 1024;

let buffer: Uint8Array | undefined;

/** The functions that receive what sockets of {@link connectWithSharedBuffer} read. */
const receivers = new WeakMap<Duplex, (bytes: Uint8Array) => void>();

/**
 * A socket that reads into the buffer of all such sockets. Without it, Node allocates 64 KiB for each read. Node fills
 * the buffer and hands it over in one step, so that no two sockets use it at the same time.
 *
 * Pass the socket to {@link receiveFrom}. What arrives before is copied into its stream.
 */
export const connectWithSharedBuffer: ConnectSocket = (options) => {
  buffer ??= new Uint8Array(READ_BYTES);
  const socket = connect({ ...options, onread: { buffer, callback } });
  return socket;

  /** Node pauses the socket when it returns false. */
  function callback(count: number, bytes: Uint8Array): boolean {
    const receive = receivers.get(socket);
    if (receive === undefined) return socket.push(bytes.slice(0, count));
    receive(bytes.subarray(0, count));
    return true;
  }
};

/**
 * Calls `receive` with all that arrives from a stream, also from one with a buffer of its own. `receive` must not use
 * the bytes anymore when it has returned.
 */
export function receiveFrom(stream: Duplex, receive: (bytes: Uint8Array) => void): void {
  receivers.set(stream, receive);
  stream.on("data", receive);
}
