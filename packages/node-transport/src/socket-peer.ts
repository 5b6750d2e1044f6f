// Who is at the other end of a socket, as far as the socket knows.

import type { Peer } from "@pb/broker";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import { certificateOf, channelBindingOf } from "./tls-peer.js";

/** Facts about the other end. `path` is that of the UNIX socket, where it is one. */
export function peerOf(stream: Duplex, role: "listener" | "initiator", path?: string): Peer {
  if (stream instanceof TLSSocket) {
    return {
      description: `tls:${addressOf(stream) ?? path ?? "stream"}`,
      isEncrypted: true,
      address: stream.remoteAddress,
      certificate: certificateOf(stream),
      channelBinding: (type) => channelBindingOf(stream, role === "listener", type),
    };
  }
  // Between the two ends of a UNIX socket there is only the kernel.
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
