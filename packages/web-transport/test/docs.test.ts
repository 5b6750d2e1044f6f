// README.md: its programs compile and run, and it explains all codes.

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { createRequire } from "node:module";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort } from "../../../tools/process/ports.js";
import { Program, typescript } from "../../../tools/process/program.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const here = fileURLToPath(new URL("../", import.meta.url));
const readme = readFileSync(join(here, "README.md"), "utf8");
const programs = [...readme.matchAll(/```ts\n(\/\/ (\S+)\n[^]*?)```/g)];
let folder: string;

beforeAll(async () => {
  // In a folder from which the packages can be imported.
  const cache = join(root, "tools/node_modules/.cache");
  mkdirSync(cache, { recursive: true });
  folder = mkdtempSync(join(cache, "pb-web-"));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  // Node 20 has no WebSocket.
  writeFileSync(join(folder, "browser.mjs"), 'import { WebSocket } from "ws"; globalThis.WebSocket ??= WebSocket;');
  const [port, other] = [String(await freePort()), String(await freePort())];
  for (const [, code = "", name = ""] of programs)
    writeFileSync(join(folder, name), code.replaceAll("8787", port).replaceAll("8788", other));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the programs compile", () => {
  const files = programs.map(([, , name = ""]) => name);
  expect(files).toHaveLength(7);
  const compilerOptions = { noEmit: true, lib: ["ES2023", "ES2024.String", "ESNext.Disposable", "DOM"] };
  const config = { extends: join(root, "tsconfig.json"), compilerOptions, include: [], files };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
  const tsc = [join(root, "node_modules/typescript/bin/tsc"), "--pretty", "false", "-p", folder];
  expect(spawnSync(process.execPath, tsc, { encoding: "utf8" }).stdout).toBe("");
});

test.each(["server.ts", "http-server.ts"])("%s and page.ts run", async (name) => {
  await using server = new Program(name, typescript(join(folder, name)), { cwd: root });
  expect(await server.nextLine()).toMatch(/^Listening on port \d+$/);
  const [node, ...args] = typescript(join(folder, "page.ts"));
  const tsx = pathToFileURL(createRequire(join(root, "package.json")).resolve("tsx")).href;
  const preload = ["--import", tsx, "--import", pathToFileURL(join(folder, "browser.mjs")).href];
  await using page = new Program("page.ts", [node, ...preload, ...args], { cwd: root });
  expect(await page.exit).toBe(0);
  expect(page.stdout.replaceAll("\u202f", " ")).toMatch(/^ready\n\d+:\d\d:\d\d [AP]M\n$/);
});

test("every code is explained", () => {
  const codes = [...readFileSync(join(here, "src/errors.ts"), "utf8").matchAll(/\| "(\w+)"/g)].map(([, code]) => code);
  expect(codes.length).toBeGreaterThan(12);
  for (const code of codes) expect(readme).toContain(`\`${code!}\``);
});
