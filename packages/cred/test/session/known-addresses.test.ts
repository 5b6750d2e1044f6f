// Tests of the table of addresses from which users have logged in.

import { expect, test } from "vitest";
import { KnownAddresses } from "../../src/session/known-addresses.js";

test("a user cannot drive out the addresses of others by logging in from many addresses", () => {
  const known = new KnownAddresses(10, () => 0);
  known.add("alice", "192.0.2.1");
  for (let address = 0; address < 1_000; address++) known.add("mallory", `198.51.100.${address}`);
  expect(known.has("alice", "192.0.2.1")).toBe(true);
  expect(known.has("mallory", "198.51.100.999")).toBe(true);
  expect(known.has("mallory", "198.51.100.991")).toBe(false); // the last eight are remembered
  expect(known.has("alice", "198.51.100.999")).toBe(false);
});

test("the user whose last login is longest ago is forgotten first", () => {
  const known = new KnownAddresses(2, () => 0);
  for (const name of ["alice", "bob", "alice", "carol"]) known.add(name, "192.0.2.1");
  expect(["alice", "bob", "carol"].map((name) => known.has(name, "192.0.2.1"))).toEqual([true, false, true]);
});

test("an address is forgotten 30 days after the last login from it", () => {
  let now = 0;
  const known = new KnownAddresses(10, () => now);
  known.add("alice", "192.0.2.1");
  known.add("alice", "192.0.2.2");
  now = 29 * 24 * 3_600_000;
  known.add("alice", "192.0.2.2");
  now = 30 * 24 * 3_600_000;
  expect(known.has("alice", "192.0.2.1")).toBe(false);
  expect(known.has("alice", "192.0.2.2")).toBe(true);
});
