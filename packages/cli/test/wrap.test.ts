// Lines that are wrapped for a narrow terminal.

import { expect, test } from "vitest";
import { wrapLine } from "../src/wrap.js";

const [green, end] = ["\u001b[32m", "\u001b[0m"];

test("color sequences take no place, and are not divided", () => {
  expect(wrapLine(`${green}-> call${end} [1 B]`, 13, 4)).toBe(`${green}-> call${end} [1 B]`);
  for (let length = 1; length < 60; length++) {
    const lines = wrapLine(`#1 ${green}${"x".repeat(length)}${end} [1 B]`, 20, 4).split("\n");
    const plain = lines.map((line) => line.replaceAll(green, "").replaceAll(end, ""));
    expect(plain.join("")).not.toContain("\u001b");
    for (const line of plain) expect(line.length).toBeLessThanOrEqual(20);
  }
});

test("a character of two units is not divided", () => {
  for (const line of wrapLine("x" + "\u{1f600}".repeat(30), 20, 4).split("\n")) expect(line.isWellFormed()).toBe(true);
});
