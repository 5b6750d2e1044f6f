// Headers of the PROXY protocol, version 2.

import { isIPv4 } from "node:net";

export interface BinaryHeader {
  readonly source?: string;
  readonly port?: number;
  readonly version?: number;
  /** 0: the proxy itself. 1: a client. */
  readonly command?: number;
  /** Default: TCP over the version of IP of `source`. */
  readonly family?: number;
  /** Zero bytes after the addresses. */
  readonly more?: number;
}

export function binaryHeader({ source, port = 0, version = 2, command = 1, family, more = 0 }: BinaryHeader): Buffer {
  const addresses = source === undefined ? Buffer.alloc(0) : addressesOf(source, port);
  const fixed = Buffer.from("\r\n\r\n\0\r\nQUIT\n\0\0\0\0", "latin1");
  fixed[12] = version * 16 + command;
  fixed[13] = family ?? (isIPv4(source ?? "") ? 0x11 : 0x21);
  fixed.writeUInt16BE(addresses.length + more, 14);
  return Buffer.concat([fixed, addresses, Buffer.alloc(more)]);
}

function addressesOf(source: string, port: number): Buffer {
  const address = isIPv4(source) ? Buffer.from(source.split(".").map(Number)) : ipv6(source);
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(port, 0);
  return Buffer.concat([address, address, ports]);
}

/** The bytes of an IPv6 address with exactly one `::`. */
function ipv6(text: string): Buffer {
  const [front = [], back = []] = text.split("::").map((half) => half.split(":").filter((group) => group !== ""));
  const groups = [...front, ...Array<string>(8 - front.length - back.length).fill("0"), ...back];
  return Buffer.from(groups.map((group) => group.padStart(4, "0")).join(""), "hex");
}
