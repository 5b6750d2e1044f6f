// The class of objects that a peer may have sent.

import { classOf, hasReadableClass } from "@pb/jelly-types";
import { expect, test } from "vitest";

class Fruit {}

test("the class of an object is that of its prototype, whatever its state contains", () => {
  expect(classOf(new Fruit())).toBe(Fruit);
  expect(classOf(Object.assign(new Fruit(), { constructor: Date }))).toBe(Fruit);
  expect(classOf({ constructor: Date })).toBe(Object);
  expect(classOf(Object.create(null) as object)).toBeUndefined();
});

test("the class of every value can be read, except that of a revoked proxy", () => {
  for (const value of [new Fruit(), Object.create(null), null, undefined, 1, "text", new Proxy({}, {})])
    expect(hasReadableClass(value)).toBe(true);
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  expect(hasReadableClass(proxy)).toBe(false);
  expect(() => classOf(proxy)).toThrow(TypeError);
});
