import { expect, test } from "vitest";
import { Admission, defaultServerLimits } from "../../src/server/admission.js";

test("counts an IPv6 network as one address", () => {
  const admission = new Admission({ ...defaultServerLimits, connectionsPerAddress: 1 });
  const results = ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"].map((address) => admission.admit(address));
  expect(results.map((result) => (typeof result === "string" ? result : "admitted"))).toEqual([
    "admitted",
    "connectionsPerAddress",
    "admitted",
  ]);
});

test("frees the place of a closed connection once, from every stage", () => {
  const admission = new Admission({ ...defaultServerLimits, connectionsPerAddress: 1, newcomersPerAddress: 1 });
  for (const stage of ["negotiating", "loggingIn", "established"] as const) {
    const ticket = admission.admit("::1");
    if (typeof ticket === "string") throw new Error(ticket);
    ticket.moveTo(stage);
    expect(admission.admit("::1")).toBe("connectionsPerAddress");
    ticket.moveTo("closed");
    ticket.moveTo("closed");
    ticket.moveTo("established");
  }
});

test("applies only the limits of all connections to a connection without an address", () => {
  const admission = new Admission({ ...defaultServerLimits, connectionsPerAddress: 1, connections: 2 });
  expect([1, 2, 3].map(() => admission.admit(undefined)).map((ticket) => typeof ticket)).toEqual([
    "object",
    "object",
    "string",
  ]);
});
