// Which IP addresses belong to the same networks.

import { networksOf } from "@pb/broker/extension";
import { describe, expect, test } from "vitest";

test.for([
  ["192.0.2.1", "192.0.2.2", false],
  ["192.0.2.1", "::ffff:192.0.2.1", true],
  ["192.0.2.1", "::FFFF:c000:201", true],
  ["::ffff:192.0.2.1", "::ffff:192.0.2.2", false],
  ["192.0.2.1", "64:ff9b::192.0.2.1", true],
  ["192.0.2.1", "64:ff9b::c000:201", true],
  ["64:ff9b::c000:201", "64:ff9b::c000:202", false],
  ["64:ff9b:1::c000:201", "192.0.2.1", false],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::", true],
  ["2001:db8:1:2::9", "2001:DB8:1:2:ffff:ffff:ffff:ffff", true],
  ["2001:db8:1:2::9", "2001:db8:1:3::9", false],
  ["2001:db8::1", "2001:db8:0:0:8::", true],
  ["2001:db8::1", "2001:db8:0:1::1", false],
  ["::1", "1::", false],
  ["::1", "::", true],
  ["fe80::1%eth0", "fe80::2%eth0", true],
  ["no address", "another one", false],
  ["1:2:3", "1:2:4", false],
  ["::zz", "::zy", false],
] as const)("%s and %s are in the same narrowest network: %s", ([one, other, isSame]) => {
  expect(networksOf(one)[0] === networksOf(other)[0]).toBe(isSame);
});

describe("an IPv6 address also belongs to a /56 and a /48", () => {
  const networks = networksOf("2001:db8:1:203::9");

  test.for([
    ["2001:db8:1:203::1", [true, true, true]],
    ["2001:db8:1:2ff::1", [false, true, true]],
    ["2001:db8:1:300::1", [false, false, true]],
    ["2001:db8:2:203::1", [false, false, false]],
  ] as const)("%s", ([address, shared]) => {
    expect(networksOf(address).map((network, index) => network === networks[index])).toEqual(shared);
  });

  test("and an IPv4 address to no other network", () => {
    expect(networksOf("::ffff:192.0.2.1")).toEqual(["192.0.2.1"]);
  });
});
