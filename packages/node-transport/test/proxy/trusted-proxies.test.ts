// Which peers are trusted proxies, by their addresses.

import type { Socket } from "node:net";
import { expect, test } from "vitest";
import { proxyPolicy, trustedAddresses } from "../../src/proxy/trusted-proxies.js";

test("a link-local address with the name of its interface is that of its network", () => {
  for (const trusted of [["private"], ["fe80::/10"], ["fe80::1"]]) {
    const isTrusted = trustedAddresses(trusted);
    expect(["fe80::1", "fe80::1%eth0", "fe80::1%3"].map(isTrusted)).toEqual([true, true, true]);
    expect(["2001:db8::1", "192.0.2.1", "fec0::1%eth0"].map(isTrusted)).toEqual([false, false, false]);
  }
  const peer = { remoteAddress: "fe80::1%eth0" } as unknown as Socket;
  expect(proxyPolicy(true, undefined)?.headerOf(peer)).toBe("required");
  expect(proxyPolicy(false, ["10.0.0.0/8"])?.headerOf(peer)).toBe("none");
});

test("a prefix may have all bits of an address, or none", () => {
  for (const [entry, inside, outside] of [
    ["192.0.2.1/32", "192.0.2.1", "192.0.2.2"],
    ["192.0.2.1", "192.0.2.1", "192.0.2.2"],
    ["2001:db8::1/128", "2001:db8::1", "2001:db8::2"],
    ["0.0.0.0/0", "198.51.100.7", "2001:db8::2"],
    ["::/0", "2001:db8::2", undefined],
  ] as const) {
    const isTrusted = trustedAddresses([entry]);
    expect(isTrusted(inside), entry).toBe(true);
    if (outside !== undefined) expect(isTrusted(outside), entry).toBe(false);
  }
});
