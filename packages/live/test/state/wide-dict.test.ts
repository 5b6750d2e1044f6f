// Wide dicts: which objects of earlier steps they keep.

import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { garbageCollector } from "../../../../tools/gc/garbage-collector.js";
import { seal } from "../../src/state/plain.js";
import { applyLazily } from "../../src/state/recipe.js";
import { plainOf } from "../../src/state/wide-dict.js";
import { randomOf, wideDict } from "../support/random-recipes.js";

type Rooms = Record<string, Record<string, unknown>>;

test("a plain state that a program keeps does not keep what later updates have replaced", async () => {
  const collectGarbage = garbageCollector();
  let state: object = { ...wideDict(randomOf(1)), room: wideDict(randomOf(2)) };
  seal(state, undefined);
  const set = (value: object): void => {
    const after = applyLazily(state, (draft: Rooms) => (draft.room!.k1 = value));
    seal(after, state);
    state = after;
  };
  set({ first: true });
  const kept = plainOf(state) as Rooms;
  const replaced: WeakRef<object>[] = [];
  for (let at = 0; at < 100; at++) {
    const value = { at };
    replaced.push(new WeakRef(value));
    set(value);
  }
  set({ last: true });
  // Until the next turn, a WeakRef keeps its object.
  await setImmediate();
  collectGarbage();
  // The engine may still refer to the last ones.
  expect(replaced.filter((reference) => reference.deref() !== undefined).length).toBeLessThan(5);
  expect([kept.room!.k1, (plainOf(state) as Rooms).room!.k1]).toEqual([{ first: true }, { last: true }]);
});
