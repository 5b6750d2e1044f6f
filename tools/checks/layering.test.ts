/** Each rule of the house, broken on purpose in a small tree, and the real tree, which keeps them all. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { layering } from "./layering.js";

let root: string | undefined;

afterEach(() => {
  if (root !== undefined) rmSync(root, { recursive: true });
  root = undefined;
});

/** Writes the files into a copy of the five packages in which nothing is wrong, and checks it. */
function check(files: Record<string, string>): string[] {
  root = mkdtempSync(join(tmpdir(), "pb-layering-"));
  const tree = { ...house, ...files };
  for (const [path, text] of Object.entries(tree)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return layering(root);
}

function manifest(name: string, dependencies: string[], doors: Record<string, string> = {}): string {
  const exports = Object.entries({ ".": "./src/index.ts", ...doors }).map(([door, source]) => [
    door,
    { "@pb/source": source, default: "./dist/x.js" },
  ]);
  return JSON.stringify({
    name: `@pb/${name}`,
    exports: Object.fromEntries(exports) as unknown,
    dependencies: Object.fromEntries(dependencies.map((dependency) => [dependency, "*"])) as unknown,
  });
}

const house: Record<string, string> = {
  "packages/banana/package.json": manifest("banana", []),
  "packages/banana/src/index.ts": `export { encode } from "./encode.js";`,
  "packages/banana/src/encode.ts": `export const encode = (process: string): string => process;`,
  "packages/jelly-types/package.json": manifest("jelly-types", ["@pb/banana"]),
  "packages/jelly-types/src/index.ts": `export { encode } from "@pb/banana";`,
  "packages/broker/package.json": manifest("broker", ["@pb/banana"], { "./testing": "./src/testing/index.ts" }),
  "packages/broker/src/index.ts": `export { Broker } from "./broker.js";`,
  "packages/broker/src/broker.ts": `import { types } from "./types/index.js"; export class Broker { process = types; }`,
  "packages/broker/src/types/index.ts": `export const types = { Buffer: 1 };`,
  "packages/broker/src/testing/index.ts": `export { Broker as Pair } from "../broker.js";`,
  "packages/cred/package.json": manifest("cred", ["@pb/broker", "@noble/hashes"]),
  "packages/cred/src/index.ts": `export { md5 } from "@noble/hashes/legacy.js"; export { Pair } from "@pb/broker/testing";`,
  "packages/node-transport/package.json": manifest("node-transport", ["@pb/broker"]),
  "packages/node-transport/src/index.ts": `import { connect } from "node:net"; export const x = [connect, Buffer];`,
};

test("finds nothing where nothing is wrong", () => {
  expect(check({})).toEqual([]);
});

test.for<[string, Record<string, string>, string]>([
  [
    "an upward import",
    { "packages/banana/src/encode.ts": `\nimport { Broker } from "@pb/broker"; export const encode = Broker;` },
    "packages/banana/src/encode.ts:2 imports @pb/broker, which is not below @pb/banana: write the need down",
  ],
  [
    "an upward import of a type",
    { "packages/banana/src/encode.ts": `export const encode: import("@pb/broker").Broker | 1 = 1;` },
    "packages/banana/src/encode.ts:1 imports @pb/broker, which is not below @pb/banana",
  ],
  [
    "a sideways import",
    { "packages/cred/src/index.ts": `export const later = import("@pb/node-transport");` },
    "packages/cred/src/index.ts:1 imports @pb/node-transport, which is not below @pb/cred",
  ],
  [
    "a deep import into another package",
    { "packages/broker/src/broker.ts": `export { encode as Broker } from "@pb/banana/src/encode.js";` },
    `packages/broker/src/broker.ts:1 imports "@pb/banana/src/encode.js", which is no door of @pb/banana`,
  ],
  [
    "a relative import into another package",
    { "packages/broker/src/broker.ts": `export { encode as Broker } from "../../banana/src/encode.js";` },
    `packages/broker/src/broker.ts:1 leaves the package with "../../banana/src/encode.js"`,
  ],
  [
    "an undeclared dependency",
    { "packages/broker/src/broker.ts": `import "left-pad"; export const Broker = 1;` },
    `packages/broker/src/broker.ts:1 imports left-pad, which is not in "dependencies" of packages/broker/package.json.`,
  ],
  [
    "an undeclared package of ours",
    { "packages/broker/src/broker.ts": `import type { J } from "@pb/jelly-types"; export type Broker = J;` },
    `packages/broker/src/broker.ts:1 imports @pb/jelly-types, which is not in "dependencies"`,
  ],
  [
    "an import of the package's own index",
    { "packages/broker/src/testing/index.ts": `export { Broker as Pair } from "../index.js";` },
    `packages/broker/src/testing/index.ts:1 imports the package's own entry "../index.js"`,
  ],
  [
    "an import of the package's own second door",
    { "packages/broker/src/index.ts": `export { Pair } from "./testing/index.js";` },
    `packages/broker/src/index.ts:1 imports the package's own entry "./testing/index.js"`,
  ],
  [
    "an import of the package by its own name",
    { "packages/broker/src/types/index.ts": `import type { Broker } from "@pb/broker"; export type T = Broker;` },
    "packages/broker/src/types/index.ts:1 imports its own package by name",
  ],
  [
    "a Node import below the transports",
    { "packages/cred/src/index.ts": `import { createHash } from "node:crypto"; export const x = createHash;` },
    `packages/cred/src/index.ts:1 imports "node:crypto": this package runs anywhere`,
  ],
  [
    "a Node import without its prefix",
    { "packages/node-transport/src/index.ts": `export { connect } from "net";` },
    `packages/node-transport/src/index.ts:1 imports "net": write "node:net".`,
  ],
  [
    "Buffer below the transports",
    { "packages/banana/src/encode.ts": `export const encode = Buffer.from("x");` },
    "packages/banana/src/encode.ts:1 names Buffer: this package runs anywhere; use Uint8Array.",
  ],
  [
    "Buffer as a type",
    { "packages/banana/src/encode.ts": `export const encode = (bytes: Buffer): number => bytes.length;` },
    "packages/banana/src/encode.ts:1 names Buffer",
  ],
  [
    "process behind globalThis",
    { "packages/banana/src/encode.ts": `export const encode = globalThis.process;` },
    "packages/banana/src/encode.ts:1 names process",
  ],
  [
    "a default export",
    { "packages/banana/src/encode.ts": `export const encode = 1;\nexport default encode;` },
    "packages/banana/src/encode.ts:2 default export: export it by name.",
  ],
  [
    "a function exported by default",
    { "packages/banana/src/encode.ts": `export const encode = 1;\nexport default function f() {}` },
    "packages/banana/src/encode.ts:2 default export",
  ],
  [
    "a name exported as default",
    { "packages/banana/src/encode.ts": `export const encode = 1;\nexport { encode as default };` },
    "packages/banana/src/encode.ts:2 default export",
  ],
  [
    "a circle of three files",
    {
      "packages/banana/src/encode.ts": `export { a as encode } from "./a.js";`,
      "packages/banana/src/a.ts": `export { b as a } from "./b";`,
      "packages/banana/src/b.ts": `export { c as b } from "./c.js";`,
      "packages/banana/src/c.ts": `import { a } from "./a.ts"; export const c = () => a;`,
    },
    "packages/banana/src/a.ts:1 circle a.ts -> b.ts -> c.ts -> a.ts: move what they share into a file below them.",
  ],
  [
    "a circle closed by a type",
    {
      "packages/banana/src/encode.ts": `import { a } from "./a.js"; export type E = 1; export const encode = a;`,
      "packages/banana/src/a.ts": `import { type E } from "./encode.js"; export const a: E = 1;`,
    },
    "packages/banana/src/a.ts:1 circle of types a.ts -> encode.ts -> a.ts",
  ],
  [
    "a new public package without a floor",
    { "packages/new/package.json": manifest("new", []) },
    "packages/new/package.json:1 @pb/new has no floor",
  ],
])("finds %s", ([, files, expected]) => {
  const findings = check(files);
  expect(findings).toHaveLength(1);
  expect(findings[0]).toContain(expected);
});

test("finds nothing in the real tree", () => {
  expect(layering(fileURLToPath(new URL("../../", import.meta.url)))).toEqual([]);
});
