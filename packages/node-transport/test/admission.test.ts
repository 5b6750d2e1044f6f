// Who counts as one.

import { expect, test } from "vitest";
import { Admission, defaultServerLimits } from "../src/admission.js";

test("an IPv6 network counts as one address", () => {
  const admission = new Admission({ ...defaultServerLimits, connectionsPerAddress: 1 });
  const answers = ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"].map((address) => admission.enter(address));
  expect(answers.map((answer) => (typeof answer === "string" ? answer : "in"))).toEqual([
    "in",
    "connectionsPerAddress",
    "in",
  ]);
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
