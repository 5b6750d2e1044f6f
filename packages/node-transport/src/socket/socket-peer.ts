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
  const file = path?.replace("\0", "@");
  if (stream instanceof TLSSocket) {
    // A program may connect to a TLS server, and then serve the calls of that end.
    const isServer = isServerOfTls(stream);
    return {
      description: `tls:${addressOf(stream) ?? file ?? "stream"}`,
      // Without a verified certificate, anyone may have answered the client, and can read everything. A server does not
      // see what its clients verify.
      get isEncrypted() {
        return (role === "listener" && isServer) || stream.authorized;
      },
      address: stream.remoteAddress,
      certificate: certificateOf(stream),
      channelBinding: (type) => channelBindingOf(stream, isServer, type),
    };
  }
  // The bytes of a UNIX socket do not leave the kernel, which is as good as encryption.
  if (file !== undefined) return { description: `unix:${file}`, isEncrypted: true };
  if (!(stream instanceof Socket)) return { description: "stream", isEncrypted: false };
  const address = addressOf(stream);
  return {
    description: address === undefined ? "socket" : `tcp:${address}`,
    isEncrypted: false,
    address: stream.remoteAddress,
  };
}

/** Whether this end is the server of the TLS connection: Node knows the key of the exchange only at a client. */
function isServerOfTls(stream: TLSSocket): boolean {
  return stream.getEphemeralKeyInfo() === null;
}

function addressOf({ remoteAddress, remotePort }: Socket): string | undefined {
  return remoteAddress === undefined ? undefined : `${remoteAddress}:${remotePort ?? ""}`;
}
