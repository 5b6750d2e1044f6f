/** Plants one violation of each import rule in a small tree, and checks the real tree, which has none. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, expect, test } from "vitest";
import { layering } from "./layering.js";

/** Packages without a violation: a folder, and the packages it declares. */
const packages: Record<string, string[]> = {
  banana: [],
  "jelly-types": ["@pb/banana"],
  broker: ["@pb/banana"],
  cred: ["@pb/broker", "@pb/node-transport"],
  "node-transport": ["@pb/broker"],
  unknown: [],
};
const entries: Record<string, string> = { ".": "./src/index.ts", "./testing": "./src/testing/index.ts" };

/** A file with a violation, its text, and the beginning of what the check prints about it. */
const planted: [violation: string, file: string, text: string, problem: string][] = [
  ["imports a package above", "banana/src/up.ts", `import "@pb/broker";`, "broker/src/index.ts: @pb/banana is below"],
  [
    "imports a type from a package above",
    "banana/src/type.ts",
    `export type T = import("@pb/broker").Broker;`,
    "broker/src/index.ts: @pb/banana is below",
  ],
  [
    "imports a package beside it dynamically",
    "cred/src/side.ts",
    `export const later = import("@pb/node-transport");`,
    "node-transport/src/index.ts: @pb/cred is below",
  ],
  [
    "imports a file of another package",
    "broker/src/deep.ts",
    `import "@pb/banana/src/x.js";`,
    "@pb/banana/src/x.js: no such",
  ],
  [
    "imports another package by a relative path",
    "broker/src/relative.ts",
    `import "../../banana/src/index.js";`,
    "banana/src/index.ts: import another package by its name",
  ],
  ["imports a missing module", "broker/src/missing.ts", `import "left-pad";`, "left-pad: no such"],
  ["imports an undeclared module", "broker/src/npm.ts", `import "vitest";`, "vitest/index.js: add the module"],
  [
    "imports an undeclared package",
    "broker/src/ours.ts",
    `import type { J } from "@pb/jelly-types"; export type T = J;`,
    "jelly-types/src/index.ts: add the package",
  ],
  [
    "imports its own index.ts",
    "broker/src/own.ts",
    `import "./index.js";`,
    "broker/src/index.ts: import the file that",
  ],
  [
    "imports its own second entry point",
    "broker/src/second.ts",
    `import "./testing/index.js";`,
    "broker/src/testing/index.ts: import the file that",
  ],
  ["imports itself by name", "broker/src/name.ts", `import "@pb/broker";`, "broker/src/index.ts: import the file that"],
  [
    "imports Node",
    "cred/src/node.ts",
    `import { hash } from "node:crypto"; export { hash };`,
    "crypto: this package runs",
  ],
  [
    "imports a type from Node",
    "cred/src/net.ts",
    `import type { Socket } from "net"; export type S = Socket;`,
    "net: this",
  ],
  [
    "is in a cycle that an import of a type closes",
    "banana/src/a.ts",
    `import "./b.js"; export const a = 1;`,
    "banana/src/b.ts -> packages/banana/src/a.ts: move",
  ],
  [
    "breaks the order of the broker's folders",
    "broker/src/wire/low.ts",
    `import "../features/high.js";`,
    "broker/src/features/high.ts: the import order",
  ],
  [
    "imports the broker from below",
    "broker/src/engine/low.ts",
    `import "../broker.js";`,
    "broker/src/broker.ts: the import",
  ],
];

let problems: string[] = [];

beforeAll(async () => {
  const root = mkdtempSync(join(tmpdir(), "pb-layering-"));
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  write("package.json", JSON.stringify({ dependencies: {} }));
  write("node_modules/vitest/package.json", JSON.stringify({ name: "vitest", exports: "./index.js" }));
  write("node_modules/vitest/index.js", "");
  mkdirSync(join(root, "node_modules/@pb"), { recursive: true });
  for (const [folder, declared] of Object.entries(packages)) {
    const exports = Object.entries(entries).map(([name, file]) => [name, { "@pb/source": file }] as const);
    const dependencies = Object.fromEntries(declared.map((name) => [name, "*"]));
    const manifest = { name: `@pb/${folder}`, exports: Object.fromEntries(exports), dependencies };
    write(`packages/${folder}/package.json`, JSON.stringify(manifest));
    for (const file of Object.values(entries)) write(`packages/${folder}/${file}`, "export const x = 1;");
    symlinkSync(join(root, "packages", folder), join(root, "node_modules/@pb", folder), "junction");
  }
  write("packages/banana/src/b.ts", `import type { a } from "./a.js"; export type T = typeof a;`);
  write("packages/node-transport/src/socket.ts", `import "node:net"; import "@pb/broker/testing";`);
  write("packages/broker/src/broker.ts", `import "./engine/x.js"; import "@pb/banana";`);
  write("packages/broker/src/engine/x.ts", `import "../wire/x.js";`);
  write("packages/broker/src/wire/x.ts", "export const x = 1;");
  write("packages/broker/src/features/high.ts", `import "../broker.js";`);
  for (const [, file, text] of planted) write(`packages/${file}`, text);
  problems = await layering(root);
  rmSync(root, { recursive: true });
});

test.each(planted)("reports a file that %s", (_, file, __, problem) => {
  expect(problems.filter((line) => line.startsWith(`packages/${file} -> `)).join("\n")).toContain(problem);
});

test("reports a package without a layer", () => {
  expect(problems).toContain("packages/unknown: the package has no layer: add it to tools/checks/layering.ts.");
});

test("reports nothing about the files without a violation", () => {
  const files = planted.map(([, file]) => `packages/${file} -> `);
  expect(problems.filter((line) => !files.some((file) => line.startsWith(file)))).toHaveLength(1);
});

test("reports nothing in this repository", async () => {
  expect(await layering(fileURLToPath(new URL("../../", import.meta.url)))).toEqual([]);
});
