// Who counts as one.

import { expect, test } from "vitest";
import { Admission, defaultServerLimits } from "../src/admission.js";

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
  ["fe80::1%eth0", "fe80::2%eth0", true],
] as const)("%s and %s: %s", ([one, other, isSame]) => {
  const admission = new Admission({ ...defaultServerLimits, connectionsPerAddress: 1 });
  const ticket = admission.enter(one);
  expect(ticket).toBeTypeOf("object");
  expect(admission.enter(other) === "connectionsPerAddress").toBe(isSame);
});

test("a place is given back once, whatever its owner had become", () => {
  const admission = new Admission({ ...defaultServerLimits, connectionsPerAddress: 1, newcomersPerAddress: 1 });
  for (const stage of ["negotiating", "stranger", "welcome"] as const) {
    const ticket = admission.enter("::1");
    if (typeof ticket === "string") throw new Error(ticket);
    ticket.move(stage);
    expect(admission.enter("::1")).toBe("connectionsPerAddress");
    ticket.move("gone");
    ticket.move("gone");
    ticket.move("welcome");
  }
});

test("without an address only the sums count", () => {
  const admission = new Admission({ ...defaultServerLimits, connectionsPerAddress: 1, connections: 2 });
  expect([1, 2, 3].map(() => admission.enter(undefined)).map((ticket) => typeof ticket)).toEqual([
    "object",
    "object",
    "string",
  ]);
});
