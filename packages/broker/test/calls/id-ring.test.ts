// A ring buffer of items with increasing ids, compared with a Map.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { IdRing } from "../../src/calls/id-ring.js";

describe("IdRing", () => {
  test("behaves like a Map for every sequence of additions and removals", { timeout: 120_000 }, () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ what: fc.constant("add" as const), gap: fc.integer({ min: 1, max: 20 }) }) },
      {
        weight: 4,
        arbitrary: fc.record({ what: fc.constant("take" as const), which: fc.double({ min: 0, max: 1, noNaN: true }) }),
      },
      { weight: 1, arbitrary: fc.record({ what: fc.constant("miss" as const), id: fc.double() }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300, size: "max" }), (steps) => {
        const ring = new IdRing<{ readonly id: number }>();
        const map = new Map<number, { readonly id: number }>();
        let lastId = 0;
        for (const each of steps) {
          if (each.what === "add") {
            const item = { id: (lastId += each.gap) };
            ring.add(item);
            map.set(item.id, item);
          } else if (each.what === "take") {
            const id = [...map.keys()][Math.floor(each.which * map.size)];
            if (id === undefined) continue;
            expect(ring.take(id)).toBe(map.get(id));
            map.delete(id);
            expect(ring.take(id)).toBeUndefined();
          } else if (!map.has(each.id)) {
            expect(ring.take(each.id)).toBeUndefined();
          }
          expect(ring.size).toBe(map.size);
        }
        expect(ring.takeAll()).toEqual([...map.values()]);
        expect(ring.size).toBe(0);
      }),
    );
  });

  test("keeps one item while 100,000 others are added and removed", () => {
    const ring = new IdRing<{ readonly id: number }>();
    ring.add({ id: 1 });
    let wrong = 0;
    for (let id = 2; id < 100_000; id++) {
      const item = { id };
      ring.add(item);
      if (ring.take(id) !== item) wrong++;
    }
    expect(wrong).toBe(0);
    expect(ring.size).toBe(1);
    expect(ring.take(1)).toEqual({ id: 1 });
  });

  test("grows beyond its initial capacity", () => {
    const ring = new IdRing<{ readonly id: number }>();
    for (let id = 1; id <= 20_000; id++) ring.add({ id });
    for (const id of [1, 20_000, 8_191, 4_097]) expect(ring.take(id)).toEqual({ id });
    expect(ring.takeAll()).toHaveLength(19_996);
  });
});
