// The lists of npm run hostile: they must still fit the sources, although the attacks themselves run elsewhere.

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { attacks, nameOf } from "./attacks.js";
import known from "./open.json" with { type: "json" };
import { plants } from "./plants.js";

const names = attacks.map(nameOf);

test("each attack has a name of its own", () => {
  expect(new Set(names).size).toBe(names.length);
});

test("each attack that is known to succeed exists", () => {
  expect(known.filter((name) => !names.includes(name))).toEqual([]);
});

test.each(plants.map((plant) => [plant.guard, plant] as const))("the guard %s exists once", (_, plant) => {
  const source = readFileSync(new URL(`../../packages/${plant.file}`, import.meta.url), "utf8");
  expect(source.split(plant.guard)).toHaveLength(2);
  expect(names).toContain(plant.attack);
});
