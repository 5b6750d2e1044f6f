/** Values that cost more than they look like, each beside an ordinary value of the same size and types. */

import {
  collidingBigints,
  collidingDoubles,
  collidingIndices,
  collidingIntegers,
} from "../../packages/jelly-types/test/helpers/colliding-keys.js";
import { double, list, text } from "./wire.js";
import type { Part } from "./wire.js";

/** Elements of a value: enough for a clear ratio of processor times, and few enough for a quick run. */
const COUNT = 20_000;

const many = <T>(item: (index: number) => T, count = COUNT): T[] => Array.from({ length: count }, (_, i) => item(i));
const random = (below: number): number => Math.trunc(Math.random() * below);
const dict = (key: Part, value: Part = 1): Uint8Array => list("dictionary", list(key, value));
const order = (...content: readonly Part[]): Uint8Array =>
  list("hostile.Order", dict(text("a"), list("list", ...content)));

/** A value of hostile parts, and the same of ordinary parts. */
interface Pair {
  readonly hostile: () => Uint8Array;
  readonly ordinary: () => Uint8Array;
}
type Make = (parts: readonly Part[]) => Uint8Array;
const pair = (hostile: () => readonly Part[], ordinary: () => readonly Part[], make: Make): Pair => ({
  hostile: () => make(hostile()),
  ordinary: () => make(ordinary()),
});

const integers = (make: Make): Pair =>
  pair(
    () => collidingIntegers(COUNT),
    () => many(() => random(2 ** 32) - 2 ** 31),
    make,
  );
const doubles = (make: Make): Pair =>
  pair(
    () => collidingDoubles(COUNT).map(double),
    () => many(() => double(Math.random() * 1e9)),
    make,
  );
const bigints = (colliding: () => readonly bigint[], make: Make): Pair =>
  pair(colliding, () => many((i) => (BigInt(i) << 64n) + BigInt(random(1e9))), make);
const texts = (colliding: () => readonly string[], make: Make): Pair =>
  pair(
    () => colliding().map(text),
    () => many(() => text(`k${random(1e8)}`)),
    make,
  );
const ids = (item: (id: Part) => Part): Pair =>
  pair(
    () => collidingIntegers(32_768).filter((id) => id > 0),
    () => many(() => random(2 ** 31), 16_384),
    (parts) => list("list", ...parts.map(item)),
  );
const set: Make = (parts) => list("set", ...parts);
const frozenset: Make = (parts) => list("frozenset", ...parts);
const keys: Make = (parts) => list("dictionary", ...parts.map((key) => list(key, 1)));

/** Values whose content must not cost more processor time than random content. */
export const costly: Readonly<Record<string, Pair>> = {
  "set of integers": integers(set),
  "set of doubles": doubles(set),
  "frozenset of integers": integers(frozenset),
  "frozenset of doubles": doubles(frozenset),
  "dict of integers": integers(keys),
  "dict of doubles": doubles(keys),
  "set of integers after a placeholder": integers((parts) =>
    list("list", list("set", list("dereference", 1), ...parts), list("reference", 1, list("tuple"))),
  ),
  "set of large integers": bigints(() => collidingBigints(COUNT), set),
  "set of integers of 128 bits": bigints(() => many((i) => (BigInt(i + 1) << 64n) + 5n), set),
  "dict of integers of 128 bits in groups": bigints(
    () => many((i) => (BigInt(1 + (i % 1000)) << 64n) + BigInt(Math.trunc(i / 1000))),
    keys,
  ),
  "set of texts of indices": texts(() => collidingIndices(COUNT), set),
  "dict of texts of indices": texts(() => collidingIndices(COUNT), keys),
  "dict of descending indices": texts(() => many((index) => String(2e6 - index * 31)), keys),
  "ids of references": ids((id) => list("reference", id, list("list"))),
  "ids of dereferences": ids((id) => list("dereference", id)),
  "ids of remote objects": ids((id) => list("remote", id)),
  "ids of caches": ids((id) => list("hostile.Stock", id, list("dictionary"))),
  "keys that are far indices": pair(
    () => many(() => text("1023")),
    () => many(() => text("abcd")),
    (parts) => list("list", ...parts.map((key) => dict(key))),
  ),
  decimals: pair(
    () => many((i) => 2 ** 31 - 1 - i),
    () => many((i) => 2 ** 30 - random(1e6) - i),
    (powers) => list("list", ...powers.map((power) => list("decimal", 7, power))),
  ),
  "state of a copy that is indices": pair(
    () => many((i) => text(String(4_000_000 - 199 * i))),
    () => many((i) => text(`k${1_000_000 + i}`)),
    (names) => list("hostile.Order", list("dictionary", ...names.map((name) => list(name, 1)))),
  ),
  "copies inside copies that wait": pair(
    () => [400],
    () => [1],
    ([depth]) => {
      let value = order(...many(() => list("dereference", 1)));
      for (let left = Number(depth); left > 1; left--) value = order(value);
      return list("list", value, list("reference", 1, list("list")), list("dereference", 2));
    },
  ),
};

let lists = list("list");
for (let depth = 1; depth < 100; depth++) lists = list("list", lists);

/** Elements that take much more memory than they have bytes. Messages are filled with them. */
export const heavy: Readonly<Record<string, Uint8Array>> = {
  "empty byte strings": list("").subarray(2),
  "byte strings of one byte": list("x").subarray(2),
  "lists that are not jelly": list(),
  "empty lists": list("list"),
  "lists of one": list("list", 1),
  "lists in lists": lists,
  "empty tuples": list("tuple"),
  "empty dicts": list("dictionary"),
  "dicts of one": dict(text("k")),
  "dicts with the key 1023": dict(text("1023")),
  "dicts with an integer key": dict(1),
  "empty sets": list("set"),
  "sets of one": list("set", 1),
  "empty frozensets": list("frozenset"),
  "remote objects": list("remote", 5),
  "texts of one character": text("é"),
  "big integers": list(2n ** 64n).subarray(2),
  doubles: double(0.5),
  dates: list("date", "2026 1 1"),
  timedeltas: list("timedelta", "1 0 0"),
  datetimes: list("datetime", "2026 1 1 1 1 1 1"),
  booleans: list("boolean", "true"),
  nothings: list("None"),
  decimals: list("decimal", 1, 0),
  dereferences: list("dereference", 1),
  "copies of a class": list("hostile.Order", list("dictionary")),
  unpersistable: list("unpersistable", ""),
};
