// Which peers are believed when they say whose connection they pass on.

import { BlockList, isIP, isIPv4 } from "node:net";
import type { Socket } from "node:net";

/** Loopback, private and link-local networks (RFC 1918, RFC 4193, RFC 3927, RFC 4291): where a proxy usually is. */
const PRIVATE = [
  ...["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"],
  ...["::1/128", "fc00::/7", "fe80::/10"],
];

/** What a server does with the header of the PROXY protocol. */
export interface ProxyPolicy {
  /**
   * `required`: the peer is a trusted proxy and has to send a header. `none`: it is a client. `refused`: the server is
   * for proxies only, and does not trust this peer.
   */
  headerOf(socket: Socket): "required" | "none" | "refused";
}

/**
 * The policy of an endpoint, or undefined if no proxy is trusted. `isProxied` is whether it is for proxies only. Throws
 * `TypeError` for an entry that is not an address, a network or `private`.
 */
export function proxyPolicy(isProxied: boolean, trusted: readonly string[] | undefined): ProxyPolicy | undefined {
  if (!isProxied && trusted === undefined) return undefined;
  const list = listOf(trusted);
  return {
    headerOf: ({ remoteAddress }) => {
      // The file mode of a UNIX socket says which processes may connect to it.
      const isTrusted = remoteAddress === undefined ? isProxied : contains(list, remoteAddress);
      if (isTrusted) return "required";
      return isProxied ? "refused" : "none";
    },
  };
}

/**
 * Whether an address is that of a trusted proxy. Throws `TypeError` for an entry that is not an address, a network or
 * `private`.
 */
export function trustedAddresses(trusted: readonly string[]): (address: string) => boolean {
  const list = listOf(trusted);
  return (address) => contains(list, address);
}

/** Null, which would trust every private network, is not the default. */
function listOf(entries: readonly string[] = ["private"]): BlockList {
  if (!Array.isArray(entries)) throw new TypeError("trustProxies must be a list of addresses and networks");
  const list = new BlockList();
  for (const entry of entries.flatMap((text: string) => (text === "private" ? PRIVATE : [text]))) add(list, entry);
  return list;
}

function add(list: BlockList, entry: unknown): void {
  const [, address = "", bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(String(entry)) ?? [];
  const most = isIPv4(address) ? 32 : 128;
  const prefix = bits === undefined ? most : Number(bits);
  if (typeof entry !== "string" || isIP(address) === 0 || prefix > most)
    throw new TypeError(
      `trustProxies: expected an address, a network such as 10.0.0.0/8, or "private", not ${String(entry)}`,
    );
  list.addSubnet(address, prefix, familyOf(address));
}

function contains(list: BlockList, remoteAddress: string): boolean {
  const address = remoteAddress.replace(/%.*$/, ""); // A link-local address ends with the name of the interface.
  return list.check(address, familyOf(address));
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return isIPv4(address) ? "ipv4" : "ipv6";
}
