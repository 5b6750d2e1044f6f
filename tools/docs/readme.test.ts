// What the README says holds: its programs compile, run and print what it shows, and what it counts and names is there.

import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { publicPackages } from "../checks/workspace.js";
import { runDemo } from "../demo/demo.js";
import { portalChecks } from "../interop/portal-checks.js";
import { rootChecks } from "../interop/root-checks.js";
import { freePort } from "../process/ports.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const readme = readFileSync(join(root, "README.md"), "utf8");

describe("the programs", { timeout: 60_000 }, () => {
  const programs = [...readme.matchAll(/```ts\n(\/\/ (\S+)\n[^]*?)```/g)].map(([, code = "", name = ""]) => ({
    code,
    name,
  }));
  const codeOf = (name: string): string => programs.find((program) => program.name === name)?.code ?? "";
  let folder: string;

  beforeAll(async () => {
    // Below tools, from where the packages can be seen; and where nobody else looks.
    const cache = join(root, "tools/node_modules/.cache");
    mkdirSync(cache, { recursive: true });
    folder = mkdtempSync(join(cache, "pb-readme-"));
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    const port = await freePort();
    for (const { code, name } of programs) writeFileSync(join(folder, name), code.replaceAll("8787", String(port)));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("are a server and a client of fifteen lines or so", () => {
    expect(programs.map(({ name }) => name)).toEqual(["server.ts", "client.ts"]);
    for (const { code } of programs) expect(code.split("\n").length).toBeLessThanOrEqual(18);
  });

  it("compile, and do not when they call what is not there", () => {
    const compilerOptions = { noEmit: true };
    const wrong = codeOf("client.ts").replace('"order"', '"ordr"');
    expect(wrong).not.toBe(codeOf("client.ts"));
    writeFileSync(join(folder, "wrong.ts"), wrong);
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({
        extends: join(root, "tsconfig.json"),
        compilerOptions,
        include: [],
        files: ["server.ts", "client.ts", "wrong.ts"],
      }),
    );
    const tsc = [join(root, "node_modules/typescript/bin/tsc"), "--pretty", "false", "-p", folder];
    const { stdout } = spawnSync(process.execPath, tsc, { encoding: "utf8", cwd: folder });
    const errors = stdout.split("\n").filter((line) => line.includes("error TS"));
    expect(errors).toEqual([expect.stringMatching(/^wrong\.ts.*"ordr".*not assignable.*"order"/)]);
  });

  it("print what the comments say, as two processes", async () => {
    const server = start("server.ts");
    try {
      await Promise.race([once(server.process.stdout!, "data"), once(server.process, "close")]);
      expect(server.output()).toBe("The kitchen is open.\n");
      const client = start("client.ts");
      const [status] = (await once(client.process, "close")) as [number | null];
      const promised = [...codeOf("client.ts").matchAll(/; \/\/ (.+)$/gm)].map(([, output]) => output);
      expect(promised).toHaveLength(2);
      expect(client.output()).toBe(`${promised.join("\n")}\n`);
      expect(status).toBe(0);
      expect(server.process.exitCode).toBe(null);
    } finally {
      server.process.kill("SIGKILL");
    }
  });

  function start(name: string): { process: ChildProcess; output: () => string } {
    const args = ["--import", "tsx", "--conditions=@pb/source", join(folder, name)];
    const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "pipe", "inherit"], timeout: 50_000 });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    return { process: child, output: () => output };
  }
});

describe("the README", { timeout: 60_000 }, () => {
  it("shows lines that the demo prints", async () => {
    const lines: string[] = [];
    await runDemo({ print: (line) => lines.push(line), findTwisted: () => undefined, needsTwisted: false });
    const [, excerpt = ""] = /```text\n([^]*?)\n```/.exec(readme) ?? [];
    expect(excerpt).not.toBe("");
    for (const line of excerpt.split("\n")) expect(lines).toContain(line);
  });

  it("counts the checks of both halves", () => {
    const twisted = readFileSync(join(root, "tools/interop/peers/pb_client.py"), "utf8").match(/^@check\(/gm) ?? [];
    const ours = [...Object.keys(rootChecks), ...Object.keys(portalChecks)];
    const rows = [...readme.matchAll(/^\| (22\.4|26\.4).*?\| (.*?) *\| (.*?) *\|/gm)].map(([, ...cells]) => cells);
    expect(rows).toEqual(
      ["22.4", "26.4"].map((version) => [
        version,
        `${twisted.length} of ${twisted.length} checks`,
        `${ours.length} of ${ours.length} checks`,
      ]),
    );
  });

  it("has every package, every file and every command that it names", () => {
    for (const { manifest } of publicPackages(root)) expect(readme).toContain(`| \`${manifest.name}\``);
    for (const [, path = ""] of readme.matchAll(/\]\(([^)#:]+)\)/g))
      expect(existsSync(join(root, path)), path).toBe(true);
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: object };
    for (const [, name] of readme.matchAll(/npm run ([\w:]+)/g)) expect(scripts).toHaveProperty([name!]);
  });
});
