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
  "web-transport": ["@pb/broker", "@pb/node-transport"],
  unknown: [],
};
const exports = { ".": { "@pb/source": "./src/index.ts" }, "./testing": { "@pb/source": "./src/testing/index.ts" } };

/** A file that breaks a rule, its text, and the end of "file -> imported: rule" as the check prints it. */
const planted: [file: string, text: string, problem: string][] = [
  ["banana/src/up.ts", `import "@pb/broker";`, "broker/src/index.ts: layer-of-banana"],
  ["banana/src/type.ts", `export type T = import("@pb/broker").Broker;`, "broker/src/index.ts: layer-of-banana"],
  ["cred/src/dynamic.ts", `export const x = import("@pb/node-transport");`, "index.ts: layer-of-cred"],
  ["broker/src/deep.ts", `import "@pb/banana/src/x.js";`, "@pb/banana/src/x.js: unresolvable"],
  ["broker/src/relative.ts", `import "../../banana/src/index.js";`, "relative-import-of-another-package"],
  ["broker/src/missing.ts", `import "left-pad";`, "left-pad: unresolvable"],
  ["broker/src/npm.ts", `import "vitest";`, "vitest/index.js: undeclared-dependency"],
  ["broker/src/ours.ts", `export type * from "@pb/jelly-types";`, "undeclared-package-in-broker"],
  ["broker/src/own.ts", `import "./index.js";`, "broker/src/index.ts: own-entry-point"],
  ["broker/src/second.ts", `import "./testing/index.js";`, "testing/index.ts: own-entry-point"],
  ["broker/src/name.ts", `import "@pb/broker";`, "broker/src/index.ts: own-entry-point"],
  ["cred/src/node.ts", `import { hash } from "node:crypto"; export { hash };`, "crypto: node-module"],
  ["cred/src/net.ts", `import type { Socket } from "net"; export type S = Socket;`, "net: node-module"],
  ["web-transport/src/net.ts", `import "node:net";`, "net: node-module"],
  ["web-transport/src/up.ts", `import "./node/listen.js";`, "node/listen.ts: node-part"],
  ["web-transport/src/sockets.ts", `import "@pb/node-transport";`, "index.ts: node-part"],
  ["banana/src/a.ts", `import "./b.js"; export const a = 1;`, "b.ts -> packages/banana/src/a.ts: cycle"],
  ["broker/src/flavors/call-types.ts", `import "./arrival-types.js";`, "arrival-types.ts: value-of-recursive-type"],
  ["broker/src/flavors/arrival-types.ts", `import "./types.js";`, "arrival-types.ts: cycle"],
  ["broker/src/wire/low.ts", `import "../features/high.js";`, "features/high.ts: broker-order-wire"],
  ["broker/src/engine/low.ts", `import "../broker.js";`, "broker.ts: broker-order-engine"],
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
    const dependencies = Object.fromEntries(declared.map((name) => [name, "*"]));
    write(`packages/${folder}/package.json`, JSON.stringify({ name: `@pb/${folder}`, exports, dependencies }));
    for (const entry of Object.values(exports))
      write(`packages/${folder}/${entry["@pb/source"]}`, "export const x = 1;");
    symlinkSync(join(root, "packages", folder), join(root, "node_modules/@pb", folder), "junction");
  }
  write("packages/banana/src/b.ts", `import type { a } from "./a.js"; export type T = typeof a;`);
  write("packages/node-transport/src/socket.ts", `import "node:net"; import "@pb/broker/testing";`);
  write("packages/web-transport/src/node/listen.ts", `import "node:http"; import "@pb/node-transport";`);
  write("packages/broker/src/broker.ts", `import "./engine/x.js"; import "@pb/banana";`);
  write("packages/broker/src/engine/x.ts", `import "../wire/x.js";`);
  write("packages/broker/src/wire/x.ts", "export const x = 1;");
  write("packages/broker/src/flavors/types.ts", `import type { T } from "./arrival-types.js"; export type U = T;`);
  write("packages/broker/src/features/high.ts", `import "../broker.js";`);
  for (const [file, text] of planted) write(`packages/${file}`, text);
  problems = await layering(root);
  rmSync(root, { recursive: true });
});

test.each(planted)("reports %s", (file, _, problem) => {
  expect(problems.filter((line) => line.startsWith(`packages/${file} -> `)).join("\n")).toContain(problem);
});

test("reports a package without a layer", () => {
  expect(problems).toContain("packages/unknown: the package has no layer: add it to tools/checks/layering.ts.");
});

test("reports nothing about the files without a violation", () => {
  const files = planted.map(([file]) => `packages/${file} -> `);
  expect(problems.filter((line) => !files.some((file) => line.startsWith(file)))).toHaveLength(1);
});

test("reports nothing in this repository", async () => {
  expect(await layering(fileURLToPath(new URL("../../", import.meta.url)))).toEqual([]);
});
