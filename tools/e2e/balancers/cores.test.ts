// The programs of CORES.md: their workers are restarted under load.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { availableParallelism } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connect } from "@pb/node-transport";
import { Load, noMistakes } from "../../../packages/node-transport/test/support/restart-load.js";
import type { Report } from "../../../packages/node-transport/test/support/restart-load.js";
import { compilerErrors } from "../../process/compile.js";
import { freePort } from "../../process/ports.js";
import { Program, typescript, until } from "../../process/program.js";

const page = readFileSync(new URL("../../../packages/node-transport/CORES.md", import.meta.url), "utf8");
const programs = [...page.matchAll(/```ts\n(\/\/ (\S+)\n[^]*?)```/g)];

/**
 * In place of the clock of the page: counts the calls, and prints their ids when the worker ends. The first worker that
 * finds a file "broken" removes it and ends.
 */
const counter = `
import { Root } from "@pb/broker";
import { rmSync, writeSync } from "node:fs";

export class Clock extends Root {
  readonly ids: string[] = [];
  constructor() {
    super();
    try {
      rmSync("broken");
      process.exit(1);
    } catch {} // There is none.
    process.on("exit", () => writeSync(1, JSON.stringify({ cut: 0, ids: this.ids }) + "\\n"));
  }
  async remote_run(id: string): Promise<string> {
    this.ids.push(id);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
    return id;
  }
  remote_pid(): number {
    return process.pid;
  }
  remote_crash(): void {
    process.exit(1);
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
    writeFileSync(join(folder, "broken"), "");
    await using program = new Program(name, typescript(join(folder, name)), { cwd: folder });
    expect(await program.nextLine()).toBe(`${availableParallelism()} workers`);
    expect(existsSync(join(folder, "broken"))).toBe(false);
    await crashOne();
    const load = new Load(`tcp:127.0.0.1:${port}`, 20);
    await load.proceed();
    program.kill("SIGHUP");
    await program.waitForOutput("restarted");
    await load.proceed();
    await load.stop();
    program.kill("SIGTERM");
    await program.exit;
    const lines = program.stdout.split("\n").filter((line) => line.startsWith("{"));
    expect(lines).toHaveLength(2 * availableParallelism() + 1);
    expect(load.mistakes(lines.map((line) => JSON.parse(line) as Report))).toEqual(noMistakes);
  });

  /** Crashes a worker, and waits until another one has taken its place. */
  async function crashOne(): Promise<void> {
    const call = async (method: string): Promise<unknown> => {
      try {
        await using connection = await connect(`tcp:127.0.0.1:${port}`);
        const root = await connection.getRootObject();
        return await root.callRemote(method);
      } catch {
        return undefined; // The worker has crashed.
      }
    };
    expect(await call("crash")).toBeUndefined();
    await until(async () => {
      const pids = new Set<unknown>();
      for (let index = 0; index < availableParallelism(); index++) pids.add(await call("pid"));
      return pids.size === availableParallelism() && !pids.has(undefined);
    }, "another worker");
  }
});
