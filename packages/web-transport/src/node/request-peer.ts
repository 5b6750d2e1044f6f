// Describes the client of a request, which may have come through trusted proxies.

import type { Peer } from "@pb/broker";
import { trustedAddresses } from "@pb/node-transport";
import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { TLSSocket } from "node:tls";

/** Describes the client of a request. */
export type DescribeClient = (request: IncomingMessage) => Peer;

/**
 * Believes the headers `X-Forwarded-For` and `X-Forwarded-Proto` of the proxies in the list: addresses, networks, or
 * `private`. The client is the last address that is not one of them. Throws `TypeError` for another entry. A proxy that
 * connects over a UNIX socket is believed if the list is given.
 *
 * The header `Forwarded` (RFC 7239) means nothing: a proxy that does not know it passes on that of a client.
 */
export function requestPeer(trustProxies: readonly string[] | undefined): DescribeClient {
  const isTrusted = trustProxies === undefined ? () => false : trustedAddresses(trustProxies);
  const trusts = (address: string | undefined): boolean =>
    address === undefined ? trustProxies !== undefined : isTrusted(address);
  return (request) => {
    const { socket, headers, url = "/" } = request;
    const { remoteAddress } = socket;
    const isOwnTls = socket instanceof TLSSocket;
    const isProxied = trusts(remoteAddress) && headers["x-forwarded-for"] !== undefined;
    const address = isProxied ? clientOf(headers["x-forwarded-for"], remoteAddress, trusts) : remoteAddress;
    const isEncrypted = isProxied ? saysTls(headers["x-forwarded-proto"]) : isOwnTls;
    const scheme = isOwnTls ? "wss" : "ws";
    const own = `${scheme}:${remoteAddress ?? "unix"}:${socket.remotePort ?? ""}`;
    return {
      description: isProxied ? `${isEncrypted ? "wss" : "ws"}:${address ?? "unknown"} via ${own}` : own,
      isEncrypted,
      address,
      request: { url, headers },
    };
  };
}

/** Several proxies send a list, and any of the connections may have been without TLS. */
function saysTls(header: string | readonly string[] | undefined): boolean {
  return String(header)
    .split(",")
    .every((entry) => /^\s*(?:https|wss)\s*$/i.test(entry));
}

/** Each proxy adds the address of its client at the end. What is before the first untrusted one may be false. */
function clientOf(
  header: string | readonly string[] | undefined,
  remoteAddress: string | undefined,
  trusts: (address: string | undefined) => boolean,
): string | undefined {
  let client = remoteAddress;
  for (const entry of String(header).split(",").reverse()) {
    if (!trusts(client)) break;
    const address = addressIn(entry.trim());
    if (address === undefined) break;
    client = address;
  }
  return client;
}

/** `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1` or `[2001:db8::1]:80`. */
function addressIn(entry: string): string | undefined {
  const [, bracketed, ipv4] = /^\[([^\]]+)\](?::\d+)?$|^([\d.]+)(?::\d+)?$/.exec(entry) ?? [];
  const address = bracketed ?? ipv4 ?? entry;
  return isIP(address) === 0 ? undefined : address;
}
