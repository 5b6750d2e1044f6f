// Describes the other end of a socket.

import type { Peer } from "@pb/broker";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import { certificateOf, channelBindingOf } from "../tls/tls-peer.js";

/**
 * What a stream knows about the other end. `path` is the path of the UNIX socket over which it was connected; give it
 * only where that is known, because such a connection counts as encrypted.
 */
export function describePeer(stream: Duplex, role: "listener" | "initiator", path?: string): Peer {
  if (stream instanceof TLSSocket) {
    return {
      description: `tls:${addressOf(stream) ?? path ?? "stream"}`,
      // Whoever answered a client that does not verify certificates can read everything. A server cannot see what its
      // clients verify.
      get isEncrypted() {
        return role === "listener" || stream.authorized;
      },
      address: stream.remoteAddress,
      certificate: certificateOf(stream),
      channelBinding: (type) => channelBindingOf(stream, role === "listener", type),
    };
  }
  // The bytes of a UNIX socket do not leave the kernel, which is as good as encryption.
  if (path !== undefined) return { description: `unix:${path}`, isEncrypted: true };
  if (!(stream instanceof Socket)) return { description: "stream", isEncrypted: false };
  const address = addressOf(stream);
  return {
    description: address === undefined ? "socket" : `tcp:${address}`,
    isEncrypted: false,
    address: stream.remoteAddress,
  };
}

function addressOf({ remoteAddress, remotePort }: Socket): string | undefined {
  return remoteAddress === undefined ? undefined : `${remoteAddress}:${remotePort ?? ""}`;
}
