import { describe, expect, test } from "vitest";
import { readProxyHeader } from "../../src/proxy/proxy-header.js";
import { binaryHeader } from "../support/proxy-headers.js";

const v4 = { address: "192.0.2.1", port: 51324 };
const v6 = { address: "2001:db8::1", port: 51324 };
const nobody = { address: undefined, port: undefined };
const longest = `PROXY UNKNOWN ${"f".repeat(91)}\r\n`;

const headers: [string, Buffer, object][] = [
  ["TCP4", Buffer.from("PROXY TCP4 192.0.2.1 198.51.100.1 51324 8787\r\n"), v4],
  ["TCP6", Buffer.from("PROXY TCP6 2001:db8::1 2001:db8::2 51324 8787\r\n"), v6],
  ["TCP6 in full", Buffer.from("PROXY TCP6 2001:DB8:0:0:0:0:0:1 ::1 51324 8787\r\n"), v6],
  ["UNKNOWN", Buffer.from("PROXY UNKNOWN\r\n"), nobody],
  ["UNKNOWN with addresses", Buffer.from("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"), nobody],
  ["the longest line", Buffer.from(longest), nobody],
  ["binary IPv4", binaryHeader({ source: "192.0.2.1", port: 51324 }), v4],
  ["binary IPv6", binaryHeader({ source: "2001:db8::1", port: 51324 }), v6],
  ["binary IPv4 with further fields", binaryHeader({ source: "192.0.2.1", port: 51324, more: 4_068 }), v4],
  ["binary, the proxy itself", binaryHeader({ source: "192.0.2.1", port: 51324, command: 0 }), nobody],
  ["binary, no addresses", binaryHeader({ family: 0 }), nobody],
  ["binary, UNIX sockets", binaryHeader({ family: 0x31, more: 216 }), nobody],
];

describe.each(headers)("%s", (_, bytes, client) => {
  test("is read, and what follows it is not", () => {
    expect(readProxyHeader(Buffer.concat([bytes, Buffer.from("PROXY ")]))).toEqual({ client, length: bytes.length });
  });

  test("is incomplete at every earlier length", () => {
    for (let length = 0; length < bytes.length; length++)
      expect(readProxyHeader(bytes.subarray(0, length)), `${length} bytes`).toBeUndefined();
  });
});

test.each([
  ["another protocol", Buffer.from("GET / HTTP/1.1\r\n"), /received "GET \/ HTTP\/1.1\\x0d\\n"/],
  ["one byte of another protocol", Buffer.from([0x80]), /expected a header/],
  ["a line that does not end", Buffer.from(`PROXY TCP4 ${"1".repeat(200)}`), /at most 107 bytes/],
  ["a line that is one byte too long", Buffer.from(longest.replace("f", "ff")), /at most 107 bytes/],
  ["an IPv6 address for TCP4", Buffer.from("PROXY TCP4 ::1 ::1 1 2\r\n"), /not valid/],
  ["an IPv4 address for TCP6", Buffer.from("PROXY TCP6 192.0.2.1 ::1 1 2\r\n"), /not valid/],
  ["no address", Buffer.from("PROXY TCP4 here there 1 2\r\n"), /not valid/],
  ["a bad destination", Buffer.from("PROXY TCP4 192.0.2.1 there 1 2\r\n"), /not valid/],
  ["a port over 65535", Buffer.from("PROXY TCP4 192.0.2.1 192.0.2.1 65536 2\r\n"), /not valid/],
  ["a missing port", Buffer.from("PROXY TCP4 192.0.2.1 192.0.2.1 1\r\n"), /not valid/],
  ["an address with a zone", Buffer.from("PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n"), /not valid/],
  ["terminal escapes", Buffer.from("PROXY TCP4 \u001b[2J\r\n"), /"PROXY TCP4 \\x1b\[2J"/],
  ["terminal escapes of one byte", Buffer.from("PROXY TCP4 \u009b2J\r\n", "latin1"), /"PROXY TCP4 \\x9b2J"/],
  ["terminal escapes as another protocol", Buffer.from("\u009b2J", "latin1"), /received "\\x9b2J"/],
  ["an unknown protocol", Buffer.from("PROXY UDP4 192.0.2.1 192.0.2.1 1 2\r\n"), /not valid/],
  ["version 1 in binary", binaryHeader({ source: "192.0.2.1", version: 1 }), /version 1/],
  ["an unknown command", binaryHeader({ source: "192.0.2.1", command: 2 }), /command 2/],
  ["addresses that are too short", binaryHeader({ family: 0x11, more: 11 }), /too short/],
  ["a binary header that is too long", binaryHeader({ source: "192.0.2.1", more: 4_069 }), /the limit is 4096/],
])("%s is refused", (_, bytes, message) => {
  expect(() => readProxyHeader(bytes)).toThrow(message);
  expect(() => readProxyHeader(bytes)).toThrow(expect.objectContaining({ code: "CONNECT_PROXY_HEADER" }) as Error);
});
