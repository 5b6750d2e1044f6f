// The published code needs only standard web globals, and has the size that the README states.

import { readFileSync } from "node:fs";
import { createContext, runInContext } from "node:vm";
import { gzipSync } from "node:zlib";
import { beforeAll, expect, test } from "vitest";
import type * as Banana from "@pb/banana";
import { bundle } from "../../../tools/bench/bundle.js";

const source = new URL("../src/index.ts", import.meta.url);
const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

let script: string;

beforeAll(async () => {
  const text = new TextDecoder().decode(await bundle(source));
  script = text.replace(
    /export \{([^}]*)\};\s*$/,
    (_, names: string) => `({${names.replaceAll(/(\w+) as (\w+)/g, "$2: $1")}})`,
  );
});

/** Runs the bundle in a realm with the globals of ECMAScript and these. */
function runWith(globals: Record<string, unknown>): typeof Banana {
  return runInContext(script, createContext({ ...globals })) as typeof Banana;
}

test("encode and decode need only TextEncoder and TextDecoder", () => {
  const { encode, decode, inspect, Session } = runWith({ TextEncoder, TextDecoder });
  const bytes = encode([1, 2.5, [1n << 70n]], { dialect: "pb" });
  expect(
    JSON.stringify(decode(bytes, { dialect: "pb" }), (_, value: unknown) =>
      typeof value === "bigint" ? "big" : value,
    ),
  ).toBe('[1,2.5,["big"]]');
  expect(inspect(bytes)).toContain("(1 2.5");
  let sent = 0;
  new Session({ role: "listener", send: () => sent++ }).start();
  expect(sent).toBe(1);
});

test("streams need TransformStream too", async () => {
  const { encoderStream } = runWith({ TextEncoder, TextDecoder, TransformStream });
  const { writable, readable } = encoderStream();
  void writable.getWriter().write(1);
  expect([...(await readable.getReader().read()).value!]).toStrictEqual([1, 0x81]);
});

test("the README states the size of the codec", async () => {
  const entry = `export { decode, encode, Scanner, Session } from "@pb/banana";`;
  const size = gzipSync(await bundle(entry, { minify: true }), { level: 9 }).length;
  const stated = Number(/([\d.]+) kB minified and gzipped/.exec(readme)?.[1]) * 1000;
  expect(Math.abs(size - stated), `measured: ${size} bytes`).toBeLessThan(150);
});
