// Our example worker and clients with Debian's unmodified Buildbot master. The worker must produce the builds of
// Buildbot's own. npm run real -- buildbot [-t BUILDER] runs more builders than npm test: all 82 checks.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { login, UsernamePassword } from "@pb/cred";
import { connect } from "@pb/node-transport";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { record } from "../../../packages/cli/test/replay/record.js";
import { pb } from "../../../packages/cli/test/support.js";
import { folder } from "../../../packages/node-transport/test/support/echo.js";
import { example, Program, until } from "../../process/program.js";
import { runBuild } from "./checks.js";
import { accounts, Master, provideBuildbot } from "./master.js";
import type { ChangePerspective, Try_Userpass_Perspective } from "./types.js";

/** Whether `npm run real` runs this file. */
const isReal = process.env.PB_REAL === "true";
const canRun = provideBuildbot();
if (!canRun) console.error("BUILDBOT IS MISSING: our worker is not tested. On Debian, root can install it with apt.");

test.runIf(isReal || process.env.CI === "true")("there is a Buildbot", () => expect(canRun).toBe(true));

describe.runIf(canRun)("a real Buildbot master", { timeout: 600_000 }, () => {
  let master: Master;
  let worker: Program;

  beforeAll(async () => {
    master = await Master.start();
    worker = await master.startWorker("--keepalive", "1", "--maxdelay", "1");
  }, 600_000);
  afterAll(async () => {
    await worker[Symbol.asyncDispose]();
    await master[Symbol.asyncDispose]();
  }, 600_000);

  async function client(name: string, ...args: string[]): Promise<{ status: number | string; text: string }> {
    await using program = new Program(name, example(`buildbot-clients/${name}`, master.endpoint, ...args));
    return { status: await program.exit, text: program.stdout + program.stderr };
  }

  async function checkBuild(builder: string, count: number): Promise<void> {
    const checks = await runBuild(master, builder);
    expect(checks).toHaveLength(count);
    for (const [title, actual, expected] of checks) {
      expect.soft(actual, title).toEqual(expected instanceof RegExp ? expect.stringMatching(expected) : expected);
    }
  }

  test("gets the same output, files, failures and interrupts from our worker as from Buildbot's own", async () => {
    await checkBuild("core", 18);
  });

  test("starts a build for a change from our sendchange", async () => {
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

  test.runIf(isReal)("starts a build again when the client side of a recorded sendchange is replayed", async () => {
    using files = folder();
    const recording = files.file("sendchange.pbrec");
    const { length: before } = await master.builds("basic");
    await record(recording, Number(master.endpoint.split(":")[2]), async (endpoint) => {
      expect(await master.sendChange("basic", endpoint)).toBe("change sent successfully\n");
    });
    await master.build("basic", before + 1);
    const env = { PB_PASSWORD: "changepw" };
    const replayed = await pb(["replay", recording, "--as", "client", "--to", master.endpoint], { env });
    expect(replayed).toMatchObject({ status: 0, stdout: expect.stringContaining("received as recorded") });
    const build = await master.build("basic", before + 2);
    expect(build.steps.map(({ name, results }) => [name, results])).toContainEqual(["hello", "success"]);
  });

  test("refuses our sendchange with a wrong password", async () => {
    const { status, text } = await client("sendchange", "--auth", "change:wrong", "--branch", "basic", "a.c");
    expect(status).toBe(1);
    expect(text).toContain("UnauthorizedLogin");
  });

  test("builds the patch of our try, which prints the results of each step", async () => {
    const diff = fileURLToPath(new URL("try.diff", import.meta.url));
    const patch = ["--builder", "basic", "--diff", diff, "--branch", "b", "--baserev", "abc", "--property", "tp=1"];
    const { status, text } = await client("try", "--auth", accounts.try, ...patch);
    expect(text).toContain("basic: hello: success\n");
    expect(text).toContain("basic: exit3: failure\n");
    expect(text).toMatch(/^basic: failure \(failed .*sh -c .*\)$/m);
    expect(status).toBe(1);
  });

  test("lists its builders for our try", async () => {
    const { text } = await client("try", "--auth", accounts.try, "--names");
    expect(text.trim().split("\n").sort()).toEqual(["basic", "core", "errors", "exception", "files", "shell", "slow"]);
  });

  test.runIf(isReal).each([
    ["basic", 8],
    ["shell", 28],
    ["files", 32],
    ["errors", 9],
    ["exception", 5],
  ])("gets the same from our worker as from Buildbot's own: the builder %s, %i checks", checkBuild);

  test("has the types that pb typegen has written, with which a program calls it", async () => {
    const output = fileURLToPath(new URL("types.ts", import.meta.url));
    const command = readFileSync(output, "utf8").split("\n")[1]!;
    const targets = [...command.matchAll(/buildbot\.[\w.]+:\w+/g)].map(([target]) => target);
    expect(targets).toHaveLength(3);
    const args = ["typegen", "--python", "/usr/bin/python3", ...targets, "--check", "-o"];
    expect(await pb([...args, output], { env: process.env })).toEqual({ status: 0, stdout: "", stderr: "" });
    using files = folder();
    const changed = files.file("types.ts");
    writeFileSync(changed, readFileSync(output, "utf8").replace("perspective_keepalive", "perspective_ping"));
    const { status, stdout } = await pb([...args, changed], { env: process.env });
    expect(status).toBe(7);
    expect(stdout).toContain("  - perspective_ping(): unknown;\n  + perspective_keepalive(): unknown;\n");

    await using connection = await connect(master.endpoint);
    const [user, password] = accounts.try.split(":") as [string, string];
    const trial = await login<Try_Userpass_Perspective>(connection, new UsernamePassword(user, password));
    expect(await trial.call.getAvailableBuilderNames()).toContain("basic");
    await using second = await connect(master.endpoint);
    const [name, secret] = accounts.change.split(":") as [string, string];
    const change = await login<ChangePerspective>(second, new UsernamePassword(name, secret));
    // No builder has this branch.
    expect(await change.call.addChange({ who: "Zoë", branch: "no-builder", files: ["a.c"], comments: "" })).toBeNull();
    // @ts-expect-error -- the compiler knows the parameters
    await expect(change.call.addChange()).rejects.toThrow("missing 1 required positional argument");
  });

  test("answers the keepalives of our worker", async () => {
    await worker.waitForOutput("the master answered the keepalive");
  });

  test("gets our worker back after a restart, and builds again", async () => {
    await master.stop();
    const offset = worker.stdout.length;
    await master.start();
    await worker.waitForOutput("attached to the master", offset);
    await checkBuild("slow", 4);
  });

  test("rejects a second worker of the same name, which then stops", async () => {
    const command = example("buildbot-worker/main", master.endpoint, ...accounts.worker);
    await using second = new Program("the second worker", command);
    expect(await second.exit).toBe(1);
    expect(second.stdout).toContain("stopped: RemoteError: rejecting duplicate worker");
    await worker.waitForOutput("master: master got a duplicate connection");
  });

  test("receives output while a command runs, and shuts down our worker after the build", async () => {
    master.letSlowBuildsEnd(false);
    await client("sendchange", "--auth", accounts.change, "--branch", "slow", "a.c");
    const hasOutput = async (): Promise<boolean> => {
      const build = (await master.builds("slow")).find(({ number }) => number === 2);
      const log = build?.steps.find(({ name }) => name === "slow")?.logs.stdio;
      return build?.complete === false && typeof log === "object" && log.stdout === "started\n";
    };
    await until(hasOutput, "the output of the command");
    worker.kill("SIGHUP");
    await worker.waitForOutput("asked the master for a shutdown");
    master.letSlowBuildsEnd(true);
    expect(await worker.exit).toBe(0);
    const build = await master.build("slow", 2);
    expect(build.results).toBe("success");
  });

  test.runIf(isReal)("pb tap decodes a build of Buildbot's own worker, without an unknown byte", async () => {
    await worker.stop(); // The master accepts one worker of a name.
    const { length } = await master.builds("core");
    using files = folder();
    const recording = files.file("build.pbrec");
    const interrupt = new AbortController();
    const seen = { stdout: "", stderr: "" };
    const args = ["tap", "--listen", "tcp:0", "--to", master.endpoint, "-o", recording, "--quiet"];
    const tap = pb(args, { signal: interrupt.signal, seen });
    try {
      await until(() => seen.stderr.includes("listening at"), "pb tap");
      await using python = await startPythonWorker(files.file("worker"), /at tcp:(\d+)/.exec(seen.stderr)![1]!);
      expect(await master.sendChange("core")).toContain("change sent successfully");
      expect(await master.build("core", length + 1)).toMatchObject({ complete: true });
      await python.stop();
    } finally {
      interrupt.abort(new DOMException("Interrupted", "AbortError"));
      await tap;
    }
    const counted = JSON.parse((await pb(["stats", recording, "--json"])).stdout) as Record<string, unknown>;
    console.log(`pb tap decoded ${String(counted.messages)} messages of a build`);
    expect(counted).toMatchObject({ opaqueBytes: { client: 0, server: 0 } });
    const { stdout } = await pb(["decode", recording]);
    expect(stdout).not.toMatch(/is no message|cannot be decoded|worker-pw/);
    expect(stdout).toContain(".startCommand(");
  });
});

/** Buildbot's own worker, connected to this port. */
async function startPythonWorker(base: string, port: string): Promise<Program> {
  const create = ["create-worker", "--relocatable", base, `127.0.0.1:${port}`, ...accounts.worker];
  await using created = new Program("create-worker", ["/usr/bin/buildbot-worker", ...create]);
  expect(await created.exit, created.stderr).toBe(0);
  const worker = new Program("Buildbot's worker", ["/usr/bin/buildbot-worker", "start", "--nodaemon", base]);
  const log = join(base, "twistd.log");
  const isReady = (): boolean => existsSync(log) && readFileSync(log, "utf8").includes("worker is ready");
  await until(() => worker.hasExited || isReady(), "Buildbot's worker");
  return worker;
}
