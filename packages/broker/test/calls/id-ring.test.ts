import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { IdRing } from "../../src/calls/id-ring.js";

describe("a row of numbered things", () => {
  test("is a map, whatever comes and goes", () => {
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
        const row = new IdRing<{ readonly id: number }>();
        const map = new Map<number, { readonly id: number }>();
        let lastId = 0;
        for (const each of steps) {
          if (each.what === "add") {
            const item = { id: (lastId += each.gap) };
            row.add(item);
            map.set(item.id, item);
          } else if (each.what === "take") {
            const id = [...map.keys()][Math.floor(each.which * map.size)];
            if (id === undefined) continue;
            expect(row.take(id)).toBe(map.get(id));
            map.delete(id);
            expect(row.take(id)).toBeUndefined();
          } else if (!map.has(each.id)) {
            expect(row.take(each.id)).toBeUndefined();
          }
          expect(row.size).toBe(map.size);
        }
        expect(row.takeAll()).toEqual([...map.values()]);
        expect(row.size).toBe(0);
      }),
    );
  });

  test("keeps one that stays while thousands come and go", () => {
    const row = new IdRing<{ readonly id: number }>();
    row.add({ id: 1 });
    for (let id = 2; id < 100_000; id++) {
      row.add({ id });
      expect(row.take(id)).toEqual({ id });
    }
    expect(row.size).toBe(1);
    expect(row.take(1)).toEqual({ id: 1 });
  });

  test("holds more than it has places for", () => {
    const row = new IdRing<{ readonly id: number }>();
    for (let id = 1; id <= 20_000; id++) row.add({ id });
    for (const id of [1, 20_000, 8_191, 4_097]) expect(row.take(id)).toEqual({ id });
    expect(row.takeAll()).toHaveLength(19_996);
  });
});
