/** Our worker and our clients, and Debian's Buildbot master, which nobody here wrote. All 82 checks: npm run real -- buildbot. */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildbot, provide } from "../debian.js";
import { Program, until } from "../program.js";
import { Programs } from "../programs.js";
import { accounts, Master } from "./master.js";
import { WorkerProgram } from "./worker.js";

const isCI = process.env.CI === "true";
const isPossible = provide(buildbot);
if (!isPossible) console.error("NO BUILDBOT HERE: our worker is not tried. On Debian, root gets it by apt.");

test.runIf(isCI)("CI has a Buildbot", () => expect(isPossible).toBe(true));

describe.runIf(isPossible)("a real Buildbot master", { timeout: 180_000 }, () => {
  let programs: Programs;
  let master: Master;
  let worker: WorkerProgram;

  beforeAll(async () => {
    programs = await Programs.build();
    master = await Master.start();
    worker = await WorkerProgram.start(master, programs, "--keepalive", "1", "--maxdelay", "1");
  }, 120_000);
  afterAll(async () => {
    await worker[Symbol.asyncDispose]();
    await master[Symbol.asyncDispose]();
    programs[Symbol.dispose]();
  }, 60_000);

  async function client(name: string, ...args: string[]): Promise<{ status: number | string; text: string }> {
    const command = [process.execPath, programs.path(`buildbot-clients/${name}`), master.endpoint] as const;
    await using program = new Program(name, [...command, ...args]);
    return { status: await program.ended, text: program.stdout + program.stderr };
  }

  test("gets from our worker what it gets from Buildbot's: output, files, failures, an interrupted command", async () => {
    const { text } = await master.check("core");
    expect(text.split("\n").filter((line) => !line.startsWith("ok "))).toEqual(["all as expected", ""]);
    expect(text.match(/^ok /gm)).toHaveLength(18);
  });

  test("starts the build of a change that our sendchange tells", async () => {
    const change = ["--who", "Zoë", "--branch", "basic", "--comments", "☃", "--property", "p1:v1", "a.c", "b.c"];
    const sent = await client("sendchange", "--auth", accounts.change, ...change);
    expect(sent).toEqual({ status: 0, text: "change sent successfully\n" });
    const build = await master.build("basic", 1);
    expect(build.results).toBe("failure");
    expect(build.steps.map(({ name, results }) => [name, results])).toEqual([
      ["worker_preparation", "success"],
      ["hello", "success"],
      ["exit3", "failure"],
    ]);
  });

  test("refuses our sendchange with a wrong password", async () => {
    const { status, text } = await client("sendchange", "--auth", "change:wrong", "--branch", "basic", "a.c");
    expect(status).toBe(1);
    expect(text).toContain("UnauthorizedLogin");
  });

  test("tries the patch that our try brings, and tells how it goes", async () => {
    const diff = fileURLToPath(new URL("try.diff", import.meta.url));
    const patch = ["--builder", "basic", "--diff", diff, "--branch", "b", "--baserev", "abc", "--property", "tp=1"];
    const { status, text } = await client("try", "--auth", accounts.try, ...patch);
    expect(text).toContain("basic: hello ends: success\n");
    expect(text).toContain("basic: exit3 ends: failure\n");
    expect(text).toMatch(/^basic: failure \(failed .*sh -c .*\)$/m);
    expect(status).toBe(1);
  });

  test("tells our try which builders there are", async () => {
    const { text } = await client("try", "--auth", accounts.try, "--names");
    expect(text.trim().split("\n").sort()).toEqual(["basic", "core", "errors", "exception", "files", "shell", "slow"]);
  });

  test("notes that our worker is alive", async () => {
    await worker.says("the master knows that we are alive");
  });

  test("has our worker again after a restart, and builds go on", async () => {
    await master.stop();
    const said = worker.stdout.length;
    await master.start();
    await worker.says("attached to the master", { since: said });
    expect((await master.check("slow")).text).toContain("all as expected");
  });

  test("gives a second worker of the same name no work, and it gives up", async () => {
    const command = [process.execPath, programs.path("buildbot-worker/main"), master.endpoint] as const;
    await using second = new Program("a second worker", [...command, ...accounts.worker]);
    expect(await second.ended).toBe(1);
    expect(second.stdout).toContain("gave up: RemoteError: rejecting duplicate worker");
    await worker.says("master: master got a duplicate connection");
  });

  test("sees output while a command runs, and sends our worker home when it asks, after that", async () => {
    await client("sendchange", "--auth", accounts.change, "--branch", "slow", "a.c");
    const hasStarted = async (): Promise<boolean> => {
      const build = (await master.builds("slow")).find(({ number }) => number === 2);
      const log = build?.steps.find(({ name }) => name === "slow")?.logs.stdio;
      return build?.complete === false && typeof log === "object" && log.stdout === "started\n";
    };
    expect(await until(hasStarted, 60_000)).toBe(true);
    worker.signal("SIGHUP");
    expect(await worker.ended).toBe(0);
    const build = await master.build("slow", 2);
    expect(build.results).toBe("success");
  });
});
