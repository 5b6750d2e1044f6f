// Runs the examples of the README, and compares the tables of FORMAT.md with the code.

import { readFileSync } from "node:fs";
import { runInThisContext } from "node:vm";
import { describe, expect, test, vi } from "vitest";
import * as banana from "@pb/banana";
import { hex, toHex } from "./helpers/tagged.js";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const format = readFileSync(new URL("../FORMAT.md", import.meta.url), "utf8");
const blocks = [...readme.matchAll(/```(\w*)\n([\s\S]*?)```/g)].map(([, language, text]) => ({
  language,
  text: text!,
}));

test("the examples of the README run in order and print the output that it shows", () => {
  const examples = blocks.filter(({ language }) => language === "ts").map(({ text }) => text);
  expect(examples).toHaveLength(3);
  const printed: string[] = [];
  const log = vi.spyOn(console, "log").mockImplementation((line: string) => void printed.push(line));
  const body = examples.join("\n").replaceAll(/import \{([^}]*)\} from "@pb\/banana";/g, "const {$1} = banana;");
  // The examples contain no types and run unchanged.
  const {
    word,
    received,
    bytes: readmeBytes,
    ...values
  } = runInThisContext(`(banana) => { ${body}; return { word, one, double, big, list, received, bytes }; }`)(
    banana,
  ) as Record<string, unknown>;
  log.mockRestore();
  expect(new TextDecoder().decode(word as Uint8Array)).toBe("message");
  expect(values).toStrictEqual({ one: 1, double: 2.5, big: 2n ** 70n, list: [Uint8Array.of(1, 2)] });
  expect(received).toStrictEqual([banana.decode(readmeBytes as Uint8Array, { dialect: "pb" }), 5]);
  expect(`${printed.join("\n")}\n`).toBe(blocks.find(({ language }) => language === "")?.text);
});

test("every name that the README mentions is exported", () => {
  for (const name of ["decoderStream", "encoderStream", "Session", "Vocabulary", "Float"]) {
    expect(readme).toContain(name);
    expect(banana).toHaveProperty(name);
  }
});

describe("FORMAT.md", () => {
  test.each([
    [2 ** 31 - 1, "7f 7f 7f 7f 07 81"],
    [2 ** 31, "00 00 00 00 08 85"],
    [-(2 ** 31), "00 00 00 00 08 83"],
    [-(2 ** 31) - 1, "01 00 00 00 08 86"],
    [-0, "84 80 00 00 00 00 00 00 00"],
    [hex("7062"), "02 82 70 62"],
    [[hex("7062"), hex("6e6f6e65")], "02 80 02 82 70 62 04 82 6e 6f 6e 65"],
  ])("encodes %o as %s", (value, bytes) => {
    expect(format).toContain(bytes);
    expect(toHex(banana.encode(value))).toBe(bytes.replaceAll(" ", ""));
  });

  test("lists the words of dialect pb", () => {
    const cells = [...format.slice(format.indexOf("`pb` has 31")).matchAll(/\| (\d+) +\| (\w+) +(?=\|)/g)].map(
      ([, number, word]) => [Number(number), word],
    );
    expect(new Map(cells as [number, string][])).toStrictEqual(new Map(banana.pb.vocabulary));
  });
});
