// Received dicts in the comparisons of test runners.

import assert from "node:assert/strict";
import { Root } from "@pb/broker";
import { connectedPair, plain } from "@pb/broker/testing";
import { tuple } from "@pb/jelly-types";
import { expect, test } from "vitest";

class Echo extends Root {
  remote_echo(value: unknown): unknown {
    return value;
  }
}

async function echo(value: unknown): Promise<unknown> {
  const { client } = await connectedPair({ root: new Echo() });
  return (await client.getRootObject()).callRemote("echo", value);
}

test("a dict, also inside of other values, equals an object strictly", async () => {
  const value = { price: 2, tags: [{ a: 1 }], nested: { deep: new Map([[1, { b: 2 }]]) }, set: new Set([1]) };
  const received = await echo(value);
  expect(received).toEqual(value);
  expect(received).not.toStrictEqual(value);
  expect(() => assert.deepStrictEqual(received, value)).toThrow();
  expect(plain(received)).toStrictEqual(value);
  assert.deepStrictEqual(plain(received), value);
  expect(Object.getPrototypeOf(received)).toBeNull();
});

test("shared values, cycles, tuples and dangerous names are kept", async () => {
  const ring = { name: "ring", pair: tuple(1, 2), self: [] as unknown[] };
  ring.self.push(ring);
  const made = plain((await echo(ring)) as { self: unknown[]; pair: unknown });
  expect(made.self[0]).toBe(made);
  expect(made.pair).toEqual(tuple(1, 2));
  const named = plain(await echo(JSON.parse('{"__proto__": {"x": 1}, "constructor": 2}'))) as object;
  expect(Object.keys(named)).toEqual(["__proto__", "constructor"]);
  expect("x" in named).toBe(false);
  expect(plain(5)).toBe(5);
});
