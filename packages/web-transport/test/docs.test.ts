// README.md and GUIDE.md: their programs compile and run, and the README explains all codes.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { createRequire } from "node:module";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { bundle } from "../../../tools/bench/bundle.js";
import { compilerErrors } from "../../../tools/process/compile.js";
import { freePort, isListening } from "../../../tools/process/ports.js";
import { Program, typescript, until } from "../../../tools/process/program.js";
import { pythonEnvironment } from "../../../tools/twisted/twisted.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const here = fileURLToPath(new URL("../", import.meta.url));
const readme = readFileSync(join(here, "README.md"), "utf8");
const guide = readFileSync(join(here, "GUIDE.md"), "utf8");
const programs = [...(readme + guide).matchAll(/```(?:ts|python)\n((?:\/\/|#) (\S+)\n[^]*?)```/g)];
let folder: string;
let port: number;

beforeAll(async () => {
  // In a folder from which the packages can be imported.
  const cache = join(root, "tools/node_modules/.cache");
  mkdirSync(cache, { recursive: true });
  folder = mkdtempSync(join(cache, "pb-web-"));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  // Node 20 has no WebSocket.
  writeFileSync(join(folder, "browser.mjs"), 'import { WebSocket } from "ws"; globalThis.WebSocket ??= WebSocket;');
  port = await freePort();
  const other = String(await freePort());
  for (const [, code = "", name = ""] of programs)
    writeFileSync(join(folder, name), code.replaceAll("8787", String(port)).replaceAll("8788", other));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the programs compile", () => {
  const files = programs.map(([, , name = ""]) => name).filter((name) => name.endsWith(".ts"));
  expect(files).toHaveLength(15);
  const lib = ["ES2023", "ES2024.String", "ESNext.Disposable", "DOM"];
  expect(compilerErrors(folder, files, lib)).toBe("");
});

/** Starts a server. Resolves when it listens. */
async function start(name: string): Promise<Program> {
  const server = new Program(name, typescript(join(folder, name)), { cwd: root });
  expect(await server.nextLine()).toMatch(/^Listening on port \d+$/);
  return server;
}

/** Runs the program of a page, and returns what it prints. */
async function outputOf(name: string): Promise<string> {
  const [node, ...args] = typescript(join(folder, name));
  const tsx = pathToFileURL(createRequire(join(root, "package.json")).resolve("tsx")).href;
  const preload = ["--import", tsx, "--import", pathToFileURL(join(folder, "browser.mjs")).href];
  await using page = new Program(name, [node, ...preload, ...args], { cwd: root });
  expect([await page.exit, page.stderr]).toEqual([0, ""]);
  return page.stdout.replaceAll("\u202f", " ");
}

test.each([
  ["server.ts", "page.ts", /^ready\n\d+:\d\d:\d\d [AP]M\n$/],
  ["http-server.ts", "page.ts", /^ready\n\d+:\d\d:\d\d [AP]M\n$/],
  ["members.ts", "member-page.ts", /^connecting\nready\nalice: hello\nstopped\n$/],
  ["session-server.ts", "session-client.ts", /^alice\n$/],
])("%s and %s run", async (server, page, output) => {
  await using _server = await start(server);
  expect(await outputOf(page)).toMatch(output);
});

test("the worker and its client run", async () => {
  const worker = pathToFileURL(join(folder, "sums.ts"));
  writeFileSync(join(folder, "sums.js"), await bundle(worker, { platform: "node" }));
  expect(await outputOf("sums-client.ts")).toBe("3 values\n6\n");
});

test.each(inject("twisteds"))("the gateway runs in front of Twisted $version", async ({ python }) => {
  await using clock = new Program("clock.py", [python, join(folder, "clock.py")], { env: pythonEnvironment() });
  await until(async () => clock.hasExited || isListening(port), "the clock to listen");
  await using _gateway = await start("clock-gateway.ts");
  expect(await outputOf("clock-page.ts")).toBe(
    "noon in Oslo\nRemoteError: The gateway does not allow calls of secret\n",
  );
});

test("every code is explained", () => {
  const codes = [...readFileSync(join(here, "src/errors.ts"), "utf8").matchAll(/\| "(\w+)"/g)].map(([, code]) => code);
  expect(codes.length).toBeGreaterThan(12);
  for (const code of codes) expect(readme).toContain(`\`${code!}\``);
});
