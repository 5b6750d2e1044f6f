// Packed patches: what is written is read as it was, and what a peer makes up is refused.

import { describe, expect, test } from "vitest";
import { LiveError } from "@pb/live";
import { diff } from "../../src/state/diff.js";
import type { Operation } from "../../src/state/diff.js";
import { PatchedState } from "../../src/state/patch.js";
import { pack } from "../../src/packed/pack.js";
import { Places } from "../../src/packed/places.js";
import { Unpacker } from "../../src/packed/unpack.js";

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));

/** Each row is in the specification. */
test.each<[what: string, operation: Operation, bytes: string]>([
  ["a number up to 255", ["/a", 7], "03 022f61 07"],
  ["a number up to 65,535", ["/a", 60_000], "04 022f61 ea60"],
  ["a text", ["/a", "hé"], "05 022f61 03 68c3a9"],
  ["a removal", ["/a"], "00 022f61"],
  ["a splice", ["/a", 1, 300, [null, true]], "01 022f61 01 ac02 02 00 02"],
  ["a large number", ["/a", 65_536], "02 022f61 03 808004"],
  ["a negative number", ["/a", -1], "02 022f61 04 00"],
  ["a float", ["/a", 0.5], "02 022f61 05 3fe0000000000000"],
  ["a dict", ["/a", { k: [false] }], "02 022f61 08 01 016b 07 01 01"],
])("%s has these bytes", (_what, operation, bytes) => {
  expect(pack(5, 6, [operation], new Places(), true)).toEqual(hex(`05 03 ${bytes}`));
});

test("a place is named once, and is a number from then on", () => {
  const places = new Places();
  expect(pack(5, 6, [["/a", 1], ["/b", 2], ["/a", 3]], places, true)).toEqual(hex("05 03 03022f6101 0b022f6202 0303")); // prettier-ignore
  expect(pack(6, 8, [["/b", 4]], places, false)).toEqual(hex("06 04 0b04"));
});

test("random states follow each other, whatever their values are", () => {
  let seed = 7;
  const random = (below: number): number => (seed = (seed * 48_271) % 0x7fff_ffff) % below;
  const values: readonly (() => unknown)[] = [
    () => random(300),
    () => random(70_000),
    () => -random(1000),
    () => random(1000) / 7,
    () => [-0, NaN, Infinity, 2 ** 53 - 1, -(2 ** 53 - 1), 2 ** 60, 1e300][random(7)],
    () => ["", "a/~b", "\u{1f600}", "\ufeffx", "constructor"][random(5)],
    () => [null, true, false][random(3)],
    () => Array.from({ length: random(4) }, () => ({ id: random(9) })),
    () => ({ [`k${random(5)}`]: { deep: [random(9), "x"] } }),
  ];
  const places = new Places();
  const unpacker = new Unpacker();
  let state: Record<string, unknown> = {};
  let seen: unknown = {};
  for (let revision = 1; revision < 2000; revision++) {
    const next = { ...state };
    for (let change = random(4); change >= 0; change--) next[`/${random(20)}~`] = values[random(values.length)]!();
    if (random(5) === 0) Reflect.deleteProperty(next, `/${random(20)}~`);
    const isFirst = random(50) === 0 || revision === 1;
    if (isFirst) places.clear();
    const patch = unpacker.read(pack(revision - 1, revision, diff(state, next), places, isFirst));
    expect([patch.since, patch.revision]).toEqual([revision - 1, revision]);
    const patched = new PatchedState(seen);
    patched.apply(patch.operations);
    seen = patched.finish();
    expect(seen).toStrictEqual(next);
    state = next;
  }
});

describe("a patch is not packed", () => {
  test.each<[what: string, operations: Operation[]]>([
    ["when it has more than 64 KiB", [["/a", "x".repeat(65_536)]]],
    ["when one of its values has", [["/a", Array.from({ length: 70_000 }, () => null)]]],
    ["when one of its dicts has", [["/a", Object.fromEntries(Array.from({ length: 30_000 }, (_, n) => [`k${n}`, n]))]]],
    ["when it names too many places", Array.from({ length: 4097 }, (_, number) => [`/${number}`])],
  ])("%s", (_what, operations) => {
    expect(pack(0, 1, operations, new Places(), true)).toBeUndefined();
  });

  test("when the places of all patches are too long", () => {
    const places = new Places();
    const name = (number: number): Operation[] => [[`/${String(number).padStart(60_000, "0")}`]];
    const sizes = Array.from({ length: 5 }, (_, number) => pack(0, 1, name(number), places, false)?.length);
    expect(sizes).toEqual([60_007, 60_007, 60_007, 60_007, undefined]);
  });
});

describe("of a peer,", () => {
  const good = pack(1, 2, [["/a", { k: ["text", 1.5, -3, 2 ** 40] }], ["/b", 0, 1, [null]], ["/c"]], new Places(), true)!; // prettier-ignore

  test("each part of a patch is refused, and each patch with one other byte is refused or read", () => {
    for (let length = 0; length < good.length; length++) {
      const read = (): unknown => new Unpacker().read(good.subarray(0, length));
      // Behind a step, a part is a patch with fewer steps.
      try {
        expect(read()).toMatchObject({ since: 1 });
      } catch (error) {
        expect(error).toBeInstanceOf(LiveError);
      }
    }
    for (let at = 0; at < good.length; at++) {
      for (let byte = 0; byte < 256; byte++) {
        const bytes = good.slice();
        bytes[at] = byte;
        try {
          new Unpacker().read(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(LiveError);
        }
      }
    }
  });

  test.each<[what: string, bytes: unknown, message: string]>([
    ["text", "x", "not a byte string"],
    ["nothing", new Uint8Array(0), "ends early"],
    ["too much", new Uint8Array(65_537), "more than 65536 bytes"],
    ["a number that no place has", hex("0103 0b 07"), "no place has the number 1"],
    ["an unknown step", hex("0103 06 022f61"), "no step of the kind 6"],
    ["an unknown value", hex("0103 02 022f61 09"), "no value with the tag 9"],
    ["an integer above 2^53", hex("ffffffffffffff7f"), "an integer is too large"],
    ["an integer of 9 bytes", hex("808080808080808001"), "an integer is too large"],
    ["text that is not UTF-8", hex("0103 05 022f61 01 ff"), "not UTF-8"],
    ["a list that is longer than the patch", hex("0103 02 022f61 07 ffffffff0f 00"), "ends early"],
    ["101 lists in each other", hex(`0103 02 022f61 ${"0701".repeat(101)} 00`), "nested more than 100 deep"],
  ])("%s is refused", (_what, bytes, message) => {
    expect(() => new Unpacker().read(bytes)).toThrow(message);
  });

  test("too many places are refused", () => {
    const unpacker = new Unpacker();
    const name = (number: number, flags: string): Uint8Array =>
      hex(`01 ${flags} ${Buffer.from(varint(8 * number)).toString("hex")} 04 ${Buffer.from(String(1000 + number)).toString("hex")}`); // prettier-ignore
    for (let number = 0; number < 4096; number++) unpacker.read(name(number, number === 0 ? "03" : "02"));
    expect(() => unpacker.read(name(4096, "02"))).toThrow("too many places");
  });

  test("nothing is read after a patch that could not be read, until the numbers begin again", () => {
    const unpacker = new Unpacker();
    unpacker.read(hex("0103 03022f6101"));
    expect(() => unpacker.read(hex("0202 0b022f6202 ff"))).toThrow("ends early");
    expect(() => unpacker.read(hex("0302 0b05"))).toThrow("an earlier one could not be read");
    expect(unpacker.read(hex("0403 03022f6305")).operations).toEqual([["/c", 5]]);
  });
});

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))];
}
