// Which IP addresses belong to the same network.

import { networkOf } from "@pb/broker/extension";
import { expect, test } from "vitest";

test.for([
  ["192.0.2.1", "192.0.2.2", false],
  ["192.0.2.1", "::ffff:192.0.2.1", true],
  ["::ffff:192.0.2.1", "::ffff:192.0.2.2", false],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::", true],
  ["2001:db8:1:2::9", "2001:db8:1:2:ffff:ffff:ffff:ffff", true],
  ["2001:db8:1:2::9", "2001:db8:1:3::9", false],
  ["2001:db8::1", "2001:db8:0:0:8::", true],
  ["2001:db8::1", "2001:db8:0:1::1", false],
  ["::1", "1::", false],
  ["::1", "::", true],
  ["fe80::1%eth0", "fe80::2%eth0", true],
  ["no address", "another one", false],
] as const)("%s and %s are in the same network: %s", ([one, other, isSame]) => {
  expect(networkOf(one) === networkOf(other)).toBe(isSame);
});
