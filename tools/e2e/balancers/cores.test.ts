// The programs of CORES.md: their workers are restarted under load.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { availableParallelism } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Load, noMistakes } from "../../../packages/node-transport/test/support/restart-load.js";
import type { Report } from "../../../packages/node-transport/test/support/restart-load.js";
import { compilerErrors } from "../../process/compile.js";
import { freePort } from "../../process/ports.js";
import { Program, typescript } from "../../process/program.js";

const page = readFileSync(new URL("../../../packages/node-transport/CORES.md", import.meta.url), "utf8");
const programs = [...page.matchAll(/```ts\n(\/\/ (\S+)\n[^]*?)```/g)];

/** In place of the clock of the page: counts the calls, and prints their ids when the worker ends. */
const counter = `
import { Root } from "@pb/broker";
import { writeSync } from "node:fs";

export class Clock extends Root {
  readonly ids: string[] = [];
  constructor() {
    super();
    process.on("exit", () => writeSync(1, JSON.stringify({ cut: 0, ids: this.ids }) + "\\n"));
  }
  async remote_run(id: string): Promise<string> {
    this.ids.push(id);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
    return id;
  }
}`;

describe.skipIf(process.platform === "win32")("all cores", () => {
  let folder: string;
  let port: number;
  beforeAll(async () => {
    const cache = fileURLToPath(new URL("../../node_modules/.cache/", import.meta.url));
    mkdirSync(cache, { recursive: true });
    folder = mkdtempSync(join(cache, "pb-cores-"));
    port = await freePort();
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    writeFileSync(join(folder, "clock.ts"), counter);
    for (const [, code = "", name = ""] of programs)
      writeFileSync(
        join(folder, name),
        code
          .replace("tcp:8787", `tcp:${port}:interface=127.0.0.1`)
          .replace("listen(8787)", `listen(${port}, "127.0.0.1")`),
      );
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("the programs compile", () => {
    expect(programs.map(([, , name]) => name)).toEqual(["cores.ts", "hand-over.ts"]);
    expect(compilerErrors(folder, ["cores.ts", "hand-over.ts"])).toBe("");
  });

  test.each(["cores.ts", "hand-over.ts"])("a rolling restart of the workers of %s loses no call", async (name) => {
    await using program = new Program(name, typescript(join(folder, name)), { cwd: folder });
    expect(await program.nextLine()).toBe(`${availableParallelism()} workers`);
    const load = new Load(`tcp:127.0.0.1:${port}`, 20);
    await load.proceed();
    program.kill("SIGHUP");
    await program.waitForOutput("restarted");
    await load.proceed();
    await load.stop();
    program.kill("SIGTERM");
    await program.exit;
    const lines = program.stdout.split("\n").filter((line) => line.startsWith("{"));
    expect(lines).toHaveLength(2 * availableParallelism());
    expect(load.mistakes(lines.map((line) => JSON.parse(line) as Report))).toEqual(noMistakes);
  });
});
