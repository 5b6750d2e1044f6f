// The statements of the README are true: its programs run and print what it shows, and what it names exists.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { publicPackages } from "../checks/workspace.js";
import { runDemo } from "../demo/demo.js";
import { checks } from "../interop/client.js";
import { compilerErrors } from "../process/compile.js";
import { freePort } from "../process/ports.js";
import { Program, typescript } from "../process/program.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const readme = readFileSync(join(root, "README.md"), "utf8");

describe("the programs in the README", () => {
  /** By file name: a code block starts with a comment that contains it. */
  const programs = new Map(
    [...readme.matchAll(/```ts\n(\/\/ (\S+)\n[^]*?)```/g)].map(([, code = "", name = ""]) => [name, code]),
  );
  /** Those in the pages of the documentation site, apart from the examples, which the check "packed" runs. */
  const sitePrograms = new Map(
    ["start", "examples"].flatMap((name) => {
      const pages = join(root, "packages/docs", name);
      const texts = readdirSync(pages).map((page) => readFileSync(join(pages, page), "utf8"));
      const blocks = [...texts.join("\n").matchAll(/^```ts\n(.*\n)([^]*?)^```$/gm)];
      return blocks.map(([, first = "", rest = ""]) => [/^\/\/ (\S+\.ts)$/.exec(first.trim())?.[1] ?? first, rest]);
    }) as [name: string, code: string][],
  );
  const clientCode = programs.get("client.ts") ?? "";
  let folder: string;

  beforeAll(async () => {
    const cache = join(root, "tools/node_modules/.cache"); // Below tools, where the packages can be resolved.
    mkdirSync(cache, { recursive: true });
    folder = mkdtempSync(join(cache, "pb-readme-"));
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    const port = await freePort();
    for (const [name, code] of sitePrograms) writeFileSync(join(folder, name), code);
    for (const [name, code] of programs) writeFileSync(join(folder, name), code.replaceAll("8787", String(port)));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("are a server and a client of about fifteen lines each", () => {
    expect([...programs.keys()]).toEqual(["server.ts", "client.ts"]);
    for (const code of programs.values()) expect(code.split("\n").length).toBeLessThanOrEqual(18);
  });

  it("compile, as those of the site do, and do not compile when they call a method that does not exist", () => {
    const wrong = clientCode.replace('"order"', '"ordr"');
    expect(wrong).not.toBe(clientCode);
    writeFileSync(join(folder, "wrong.ts"), wrong);
    const files = ["server.ts", "client.ts", "wrong.ts", ...sitePrograms.keys()];
    const output = compilerErrors(folder, files);
    const errors = output.split("\n").filter((line) => line.includes("error TS"));
    expect(errors).toEqual([expect.stringMatching(/^wrong\.ts.*"ordr".*not assignable.*"order"/)]);
  });

  it("run, if they need nothing else: the login of the cheat sheet", async () => {
    await using program = new Program("log-in.ts", typescript(join(folder, "log-in.ts")), { cwd: root });
    expect([await program.exit, program.stdout, program.stderr]).toEqual([0, "hello\n", ""]);
  });

  it("print what their comments say, as two processes", async () => {
    const start = (name: string): Program => new Program(name, typescript(join(folder, name)), { cwd: root });
    await using server = start("server.ts");
    expect(await server.nextLine()).toBe("The kitchen is open.");
    await using client = start("client.ts");
    expect(await client.exit).toBe(0);
    const expected = [...clientCode.matchAll(/; \/\/ (.+)$/gm)].map(([, output]) => output);
    expect(expected).toHaveLength(2);
    expect(client.stdout).toBe(`${expected.join("\n")}\n`);
    expect(client.stderr + server.stderr).toBe("");
    expect(server.hasExited).toBe(false);
  });
});

describe("the README", () => {
  it("shows lines that the demo prints", async () => {
    const lines: string[] = [];
    await runDemo({ print: (line) => lines.push(line), findTwisted: () => undefined, needsTwisted: false });
    const [, excerpt = ""] = /```text\n([^]*?)\n```/.exec(readme) ?? [];
    expect(excerpt).not.toBe("");
    for (const line of excerpt.split("\n")) expect(lines).toContain(line);
  });

  it("has the number of checks of both halves", () => {
    const peer = readFileSync(join(root, "tools/interop/peers/pb_client.py"), "utf8");
    const twisted = peer.slice(peer.indexOf("class RootChecks")).match(/^ {4}async def [a-z]/gm) ?? [];
    const ours = Object.values(checks).flatMap((variant) => Object.keys(variant));
    const rows = [...readme.matchAll(/^\| (22\.4|26\.4).*?\| (.*?) *\| (.*?) *\|/gm)].map(([, ...cells]) => cells);
    const cells = [twisted, ours].map(({ length }) => `${length} of ${length} checks`);
    expect(rows).toEqual(["22.4", "26.4"].map((version) => [version, ...cells]));
  });

  it("names every package, and only existing files and commands", () => {
    for (const { manifest } of publicPackages(root)) expect(readme).toContain(`| \`${manifest.name}\``);
    const paths = [...readme.matchAll(/\]\(([^)#:]+)\)/g)].map(([, path = ""]) => path);
    expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: object };
    for (const [, name] of readme.matchAll(/npm run ([\w:]+)/g)) expect(scripts).toHaveProperty([name!]);
  });
});
