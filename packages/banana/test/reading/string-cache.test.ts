// Tests of the cache of short strings: it must never return another text than the bytes.

import { expect, test } from "vitest";
import { BananaReader } from "@pb/banana";
import { cachedText as metered, MAX_CACHED_TEXT, MAX_CACHED_WORD } from "../../src/reading/string-cache.js";

const meter = { heap: 0 };
const cachedText = (view: DataView, start: number, length: number): string | undefined =>
  metered(view, start, length, meter);

/** Random numbers that are the same in each run. */
function* numbers(seed: number): Generator<number, never> {
  for (;;) yield (seed = Math.imul(seed ^ (seed >>> 15), 0x2c1b3c6d) ^ Math.imul(seed + 0x9e3779b9, 0x297a2d39)) >>> 0;
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/**
 * `count` texts of the same length, which are equal apart from the four characters at `position`. These are zero
 * characters in the first text: the empty cache has zeros, too.
 */
function family(length: number, position: number, count: number): string[] {
  const text = Array.from({ length }, (_, index) => String.fromCharCode(97 + (index % 26)));
  return Array.from({ length: count }, (_, index) => {
    const own = index === 0 ? "\0\0\0\0" : index.toString(36).padStart(4, "0");
    return [text.slice(0, position), [own], text.slice(position + own.length)].flat().join("").slice(0, length);
  });
}

test("texts that differ in any four characters are told apart, although they evict each other", () => {
  const random = numbers(1);
  const lengths = [4, 5, 7, 8, 9, 10, 12, 13, 15, 16, 17, 20, 24, 25, MAX_CACHED_TEXT];
  for (const length of lengths) {
    for (let position = 0; position <= length - 4; position += length > 20 ? 3 : 1) {
      // Many more than fit into the cache, so that each set of it has held many of them.
      const texts = family(length, position, 3000);
      for (let time = 0; time < 6000; time++) {
        const text = texts[time % 5 === 0 ? 0 : random.next().value % (time < 3000 ? 3000 : 50)]!;
        const bytes = Buffer.from(`${text}####`);
        if (cachedText(viewOf(bytes), 0, length) !== text) expect(cachedText(viewOf(bytes), 0, length)).toBe(text);
      }
    }
  }
});

test("texts of one to three bytes are told apart by their length and every byte", () => {
  for (const length of [1, 2, 3]) {
    for (let value = 0; value < 128 ** length; value += length === 3 ? 97 : 1) {
      const text = Array.from({ length }, (_, index) => String.fromCharCode((value >>> (7 * index)) & 0x7f)).join("");
      for (const rest of ["####", "\xff\xff\xff\xff"]) {
        const bytes = Buffer.from(text + rest, "latin1");
        if (cachedText(viewOf(bytes), 0, length) !== text) expect(text).toBe(cachedText(viewOf(bytes), 0, length));
      }
    }
  }
  expect(cachedText(viewOf(Buffer.from("abcd")), 0, 0)).toBe("");
});

test("bytes that are not ASCII are not read, at any position of texts of any length", () => {
  for (let length = 1; length <= MAX_CACHED_WORD; length++) {
    const bytes = Buffer.from("abcdefgh".repeat(9));
    expect(cachedText(viewOf(bytes), 0, length)).toBe(bytes.toString("latin1", 0, length));
    for (let position = 0; position < length; position++) {
      const bad = Buffer.from(bytes);
      bad[position]! |= 0x80;
      for (let time = 0; time < 2; time++) expect(cachedText(viewOf(bad), 0, length)).toBeUndefined();
    }
    const after = Buffer.from(bytes);
    after[length] = 0xff;
    expect(cachedText(viewOf(after), 0, length)).toBe(bytes.toString("latin1", 0, length));
  }
});

test("a text is found at its second and at its third occurrence, alone or between others", () => {
  const words = ["value", "name", "unicode", "a longer text than eight", "x".repeat(MAX_CACHED_WORD), "y"];
  const bytes = Buffer.from([...words, "####"].join(""));
  for (let round = 0; round < 3; round++) {
    let start = 0;
    for (const word of words) {
      expect(cachedText(viewOf(bytes), start, word.length)).toBe(word);
      start += word.length;
    }
  }
});

test("texts of every length and with any characters are told apart, each of which occurs several times", () => {
  const random = numbers(3);
  for (let time = 0; time < 20_000; time++) {
    const text = Array.from({ length: 1 + (time % 8) }, () => "\0ab\x7f"[random.next().value & 3]).join("");
    const view = viewOf(Buffer.from(`${text}####`));
    for (let occurrence = 0; occurrence < 3; occurrence++) {
      if (cachedText(view, 0, text.length) !== text) expect(cachedText(view, 0, text.length)).toBe(text);
    }
  }
});

test("a reader reads texts that differ in one character, in any order", () => {
  const random = numbers(2);
  const reader = new BananaReader();
  for (const length of [9, 12, 14, 16]) {
    const texts = family(length, 4, 2000);
    for (let time = 0; time < 4000; time++) {
      const text = texts[random.next().value % texts.length]!;
      const bytes = Uint8Array.of(length, 0x82, ...Buffer.from(text));
      expect(reader.reset(bytes, 0, bytes.length, { name: "none" }, 0).text()).toBe(text);
    }
  }
});

test("the memory of a text is counted when it is created, and not when it is found", () => {
  for (const text of ["x1!?", "x1!? and eight more", "a text of thirty-two characters."]) {
    const bytes = viewOf(Buffer.from(text));
    const counts = [1, 2, 3].map(() => {
      const { heap } = meter;
      cachedText(bytes, 0, text.length);
      return meter.heap - heap;
    });
    expect(counts).toEqual([16 + 8 * Math.ceil(text.length / 8), 0, 0]);
  }
});
