// Describes the other end of a socket.

import type { Peer } from "@pb/broker";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import type { ProxiedClient } from "../proxy/proxy-header.js";
import { certificateOf, channelBindingOf } from "../tls/tls-peer.js";

/** Where a stream came from, as far as the stream does not know. */
export interface Origin {
  /**
   * The path of the UNIX socket over which it was connected. Give it only where that is known, because such a
   * connection counts as encrypted.
   */
  readonly path?: string | undefined;
  /** The client whose connection a trusted proxy passes on. */
  readonly client?: ProxiedClient | undefined;
}

/** What a stream knows about the other end. */
export function describePeer(stream: Duplex, role: "listener" | "initiator", { path, client }: Origin = {}): Peer {
  const own = describeStream(stream, role, path);
  if (client === undefined) return own;
  // Over TLS the client encrypts. Otherwise nothing is known about the way from the client to the proxy.
  const peer = { ...own, isEncrypted: stream instanceof TLSSocket };
  if (client.address === undefined) return peer;
  const [kind] = own.description.split(":", 1);
  const name = `${kind === "tls" ? kind : "tcp"}:${client.address}:${client.port ?? ""}`;
  return { ...peer, description: `${name} via ${own.description}`, address: client.address };
}

function describeStream(stream: Duplex, role: "listener" | "initiator", path: string | undefined): Peer {
  if (stream instanceof TLSSocket) {
    return {
      description: `tls:${addressOf(stream) ?? path ?? "stream"}`,
      // Without a verified certificate, anyone may have answered the client, and can read everything. A server does not
      // see what its clients verify.
      get isEncrypted() {
        return role === "listener" || stream.authorized;
      },
      address: stream.remoteAddress,
      certificate: certificateOf(stream),
      channelBinding: (type) => channelBindingOf(stream, role === "listener", type),
    };
  }
  // The bytes of a UNIX socket do not leave the kernel, which is as good as encryption.
  if (path !== undefined) return { description: `unix:${path.replace("\0", "@")}`, isEncrypted: true };
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
