import { beforeAll, expect, test } from "vitest";
import { garbageCollector } from "../../../../tools/gc/garbage-collector.js";
import { until } from "../../../../tools/process/program.js";
import { SeenObjects } from "../../src/writing/seen-objects.js";

test.each([1, 47, 48, 49, 200])("remembers %d objects of a graph, and forgets them before the next one", (count) => {
  const seen = new SeenObjects();
  const objects = Array.from({ length: count }, () => ({}));
  for (let round = 0; round < 3; round++) {
    for (const [index, object] of objects.entries()) {
      expect([seen.get(object), seen.getOrAdd(object, index)]).toEqual([undefined, undefined]);
      expect([seen.get(object), seen.getOrAdd(object, -7)]).toEqual([index, index]);
    }
    seen.set(objects[0]!, -1);
    expect(objects.map((object) => seen.get(object))).toEqual(objects.map((_, index) => (index === 0 ? -1 : index)));
    seen.clear();
  }
});

let collectGarbage: () => void;
beforeAll(() => {
  collectGarbage = garbageCollector();
});

test.each([1, 2, 48, 49, 200])("keeps none of the %d objects of the last graph in memory", async (count) => {
  const seen = new SeenObjects();
  const add = (): WeakRef<object>[] => {
    const objects = Array.from({ length: count }, () => ({}));
    for (const [index, object] of objects.entries()) seen.getOrAdd(object, index);
    return objects.map((object) => new WeakRef(object));
  };
  const references = add();
  seen.clear();
  await until(() => {
    collectGarbage();
    return references.every((reference) => reference.deref() === undefined);
  }, "the objects are collected");
  expect(seen.getOrAdd({}, 0)).toBeUndefined(); // It is in use itself.
});
