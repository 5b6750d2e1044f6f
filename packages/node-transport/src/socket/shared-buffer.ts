// One buffer into which the plain sockets of all clients read.

import { connect } from "node:net";
import type { NetConnectOpts, Socket } from "node:net";
import type { Duplex } from "node:stream";

/** Opens a socket as `connect` of `node:net` does. */
export type ConnectSocket = (options: NetConnectOpts) => Socket;

/** The most bytes of one read. A large value saves calls of the system for large messages (bench `bytes`). */
const READ_BYTES = 256 * 1024;

let buffer: Uint8Array | undefined;

/** What {@link receiveFrom} passes the bytes of a stream to. */
export interface ByteReceiver {
  /** Must not use the bytes anymore when it has returned. */
  receive(bytes: Uint8Array): void;
}

const receivers = new WeakMap<Duplex, ByteReceiver>();

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
    const receiver = receivers.get(socket);
    if (receiver === undefined) return socket.push(bytes.slice(0, count));
    receiver.receive(bytes.subarray(0, count));
    return true;
  }
};

/** Passes all that arrives from a stream to `receiver`, also from one with a buffer of its own. */
export function receiveFrom(stream: Duplex, receiver: ByteReceiver): void {
  receivers.set(stream, receiver);
  stream.on("data", pass);
}

/** One listener for all streams: there may be thousands (bench `crowd`). */
function pass(this: Duplex, bytes: Uint8Array): void {
  receivers.get(this)?.receive(bytes);
}
