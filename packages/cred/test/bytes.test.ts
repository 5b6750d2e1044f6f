// Tests of the helpers for bytes.

import { describe, expect, test } from "vitest";
import { concat, fromBase64, textOf, timingSafeEqual, toBase64 } from "../src/bytes.js";

const bytes = (...values: number[]) => Uint8Array.from(values);

describe("timingSafeEqual", () => {
  test("is true for the same bytes only", () => {
    expect(timingSafeEqual(bytes(1, 2, 3), bytes(1, 2, 3))).toBe(true);
    expect(timingSafeEqual(bytes(), bytes())).toBe(true);
    for (let position = 0; position < 16; position++) {
      for (const value of [0, 127, 128, 255]) {
        const other = new Uint8Array(16).fill(1);
        other[position] = value;
        expect(timingSafeEqual(new Uint8Array(16).fill(1), other)).toBe(false);
      }
    }
    expect(timingSafeEqual(bytes(1, 2, 3), bytes(0, 2, 3))).toBe(false); // the last byte does not decide
  });

  test("is false for the beginning of the bytes, and for bytes that begin with them", () => {
    const secret = bytes(1, 2, 3, 4);
    for (let length = 0; length < 4; length++) {
      expect(timingSafeEqual(secret, secret.subarray(0, length))).toBe(false);
      expect(timingSafeEqual(secret.subarray(0, length), secret)).toBe(false);
    }
    expect(timingSafeEqual(secret, bytes(1, 2, 3, 4, 0))).toBe(false);
    expect(timingSafeEqual(bytes(0), bytes())).toBe(false);
    expect(timingSafeEqual(bytes(), bytes(0))).toBe(false);
  });

  test.each([
    ["text"],
    [[1, 2, 3]],
    [undefined],
    [null],
    [new Uint16Array([1, 2, 3])],
    [{ length: 3, 0: 1, 1: 2, 2: 3 }],
  ])("is false for %j, which is not a Uint8Array", (value) => {
    expect(timingSafeEqual(bytes(1, 2, 3), value)).toBe(false);
  });
});

test("textOf returns text, decodes UTF-8 exactly, and returns undefined for all other values", () => {
  expect(textOf("text")).toBe("text");
  expect(textOf(bytes(0xc3, 0xa4))).toBe("ä");
  expect(textOf(bytes(0xef, 0xbb, 0xbf, 0x61))).toBe("\ufeffa");
  for (const value of [bytes(0xc3), bytes(0xff), 5, null, undefined, {}, [0x61], new Uint16Array([0x61])]) {
    expect(textOf(value)).toBeUndefined();
  }
});

test("concat joins any number of parts", () => {
  expect(concat()).toEqual(bytes());
  expect(concat(bytes(1), bytes(), bytes(2, 3), bytes(4))).toEqual(bytes(1, 2, 3, 4));
});

test("fromBase64 reads what toBase64 writes, and nothing else", () => {
  for (let length = 0; length < 6; length++) {
    const value = Uint8Array.from({ length }, (_, index) => 250 + index);
    expect(fromBase64(toBase64(value))).toEqual(value);
  }
  for (const text of ["A", "AA", "AAA", "AAAAA", "AA==AAAA", "A===", "AA-_", "AA A", "AAA\n", " AAAA", "AAAA===="]) {
    expect(fromBase64(text)).toBeUndefined();
  }
});
