// Reads headers of the PROXY protocol, versions 1 and 2, in which a proxy says whose connection it passes on
// (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt).

import { printable } from "@pb/jelly-types";
import { ConnectError } from "@pb/transport";
import { isIPv4, isIPv6, SocketAddress } from "node:net";

/** The client of a proxy. Both are undefined if the proxy connects for itself, as for a health check. */
export interface ProxiedClient {
  /** An IP address in its shortest form. */
  readonly address: string | undefined;
  readonly port: number | undefined;
}

/** A header, and its length in bytes. */
export interface ProxyHeader {
  readonly client: ProxiedClient;
  readonly length: number;
}

/** The longest header of version 1, with its line end. */
const LONGEST_LINE = 107;

/** The longest header of version 2 that is accepted: the addresses and more than two kilobytes of other fields. */
const LONGEST_BINARY = 4_096;

const SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const WORD = Buffer.from("PROXY ", "latin1");

/** Bytes of version 2 before the addresses. */
const FIXED_BYTES = 16;

const UNKNOWN: ProxiedClient = { address: undefined, port: undefined };

/**
 * Reads the header at the start of `bytes`. Returns undefined if it is not complete. Throws `ConnectError` with the
 * code `CONNECT_PROXY_HEADER` if the bytes are not a header, or if it is too long.
 */
export function readProxyHeader(bytes: Buffer): ProxyHeader | undefined {
  if (isStartOf(bytes, SIGNATURE)) return bytes.length < FIXED_BYTES ? undefined : readBinary(bytes);
  if (isStartOf(bytes, WORD)) return readLine(bytes);
  throw badHeader(`expected a header, received "${printable(bytes.toString("latin1", 0, 16))}"`);
}

/** Whether the first bytes of a stream are those of a header. */
export function startsWithProxyHeader(bytes: Buffer): boolean {
  return bytes.length >= WORD.length && (isStartOf(bytes, WORD) || isStartOf(bytes, SIGNATURE));
}

/** Whether one of the two byte strings starts with the other. */
function isStartOf(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  return bytes.subarray(0, length).equals(start.subarray(0, length));
}

function readLine(bytes: Buffer): ProxyHeader | undefined {
  const end = bytes.subarray(0, LONGEST_LINE).indexOf("\r\n");
  if (end === -1) {
    if (bytes.length < LONGEST_LINE) return undefined;
    throw badHeader(`a line of version 1 has at most ${LONGEST_LINE} bytes`);
  }
  const length = end + 2;
  const line = bytes.toString("latin1", 0, end);
  if (/^PROXY UNKNOWN(?: |$)/.test(line)) return { client: UNKNOWN, length };
  const match = /^PROXY TCP([46]) (\S+) (\S+) (\d{1,5}) (\d{1,5})$/.exec(line);
  if (match === null) throw badHeader(`"${printable(line)}"`);
  const [, family, source = "", destination = "", port, destinationPort] = match;
  // An address with a zone, such as fe80::1%eth0, is not one of version 1.
  const isAddress = family === "4" ? isIPv4 : (text: string) => isIPv6(text) && !text.includes("%");
  if (!isAddress(source) || !isAddress(destination) || Math.max(Number(port), Number(destinationPort)) > 65_535)
    throw badHeader(`"${printable(line)}"`);
  return { client: { address: shortest(source), port: Number(port) }, length };
}

function readBinary(bytes: Buffer): ProxyHeader | undefined {
  const [version, command] = [bytes[12]! >> 4, bytes[12]! & 15];
  const size = bytes.readUInt16BE(14);
  const length = FIXED_BYTES + size;
  if (version !== 2 || command > 1) throw badHeader(`version ${version} with command ${command}`);
  if (length > LONGEST_BINARY) throw badHeader(`${length} bytes, and the limit is ${LONGEST_BINARY}`);
  if (bytes.length < length) return undefined;
  if (command === 0) return { client: UNKNOWN, length };
  // The higher half is the address family: 1 and 2 for IP. Other ones have no address that identifies the client.
  const family = bytes[13]! >> 4;
  if (family !== 1 && family !== 2) return { client: UNKNOWN, length };
  const addressBytes = family === 1 ? 4 : 16;
  if (size < 2 * addressBytes + 4) throw badHeader(`${size} bytes are too short for its addresses`);
  const address = bytes.subarray(FIXED_BYTES, FIXED_BYTES + addressBytes);
  const port = bytes.readUInt16BE(FIXED_BYTES + 2 * addressBytes);
  return { client: { address: family === 1 ? [...address].join(".") : groups(address), port }, length };
}

function groups(address: Buffer): string {
  return shortest(address.toString("hex").replace(/(.{4})(?!$)/g, "$1:"));
}

function shortest(address: string): string {
  return isIPv4(address) ? address : new SocketAddress({ address, family: "ipv6" }).address;
}

function badHeader(what: string): ConnectError {
  return new ConnectError("CONNECT_PROXY_HEADER", `The header of the PROXY protocol is not valid: ${what}`);
}
