// Text with lone surrogates, on engines with and without `String.prototype.isWellFormed`.

import { decode, encode } from "@pb/banana";
import { describe, expect, onTestFinished, test } from "vitest";
import { isWellFormed } from "../../src/format/text.js";
import { BananaWriter } from "../../src/writing/writer.js";

const prototype = String.prototype as { isWellFormed?: unknown };

describe.each(["with", "without"])("on an engine %s isWellFormed", (kind) => {
  function open(): void {
    if (kind === "with") return;
    const original = Object.getOwnPropertyDescriptor(prototype, "isWellFormed")!;
    onTestFinished(() => void Object.defineProperty(prototype, "isWellFormed", original));
    delete prototype.isWellFormed;
  }

  test.each([
    ["", true],
    ["text", true],
    ["süß", true],
    ["😀", true],
    ["a😀b", true],
    ["\ud83d", false],
    ["\ude00", false],
    ["\ude00\ud83d", false],
    ["😀\ud83d", false],
    ["\ud83d😀", false],
    [`${"long ".repeat(1000)}\ude00`, false],
  ])("%j: %s", (text, expected) => {
    open();
    expect(isWellFormed(text)).toBe(expected);
  });

  test("text is written, and refused if it has no UTF-8 form", () => {
    open();
    const writer = new BananaWriter();
    writer.text("süß 😀");
    expect(decode(writer.take())).toEqual(new TextEncoder().encode("süß 😀"));
    expect(() => writer.text("süß \ud83d")).toThrow(expect.objectContaining({ code: "BANANA_LONE_SURROGATE" }));
    expect(encode([1])).toHaveLength(4);
  });
});
