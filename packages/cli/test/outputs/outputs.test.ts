// No output of a command contains what a terminal would obey, and none fails when nothing reads it.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, inject, onTestFinished, test } from "vitest";
import { typescript } from "../../../../tools/process/program.js";
import { noTwisted } from "../../../../tools/twisted/twisted.js";
import { folder } from "../../../node-transport/test/support/echo.js";
import { pb } from "../support.js";
import type { Ran } from "../support.js";
import { commands, write } from "./commands.js";
import type { Run } from "./commands.js";
import { FORGED, MARK, UNPRINTABLE } from "./peers.js";

const [twisted] = inject("twisteds");
const rows = Object.entries(commands).flatMap(([command, named]) =>
  Object.entries(named).map(([name, row]) => ({ title: `pb ${command}: ${name}`, command, row })),
);
const needsTwisted = (command: string): boolean => command === "typegen" && twisted === undefined;

test("each command has a row", async () => {
  const { stdout } = await pb(["--help"]);
  const names = [
    ...stdout.slice(stdout.indexOf("\nCommands:\n"), stdout.indexOf("\nExamples:\n")).matchAll(/^ {2}([a-z]+) .*/gm),
  ].map(([, name]) => name!);
  expect(names).toContain("call");
  expect(Object.keys(commands).sort()).toEqual(names.sort());
});

/** Starts the peers of a row. */
async function prepare(row: (typeof rows)[number]["row"]): Promise<Run> {
  const files = folder();
  onTestFinished(() => files[Symbol.dispose]());
  return row({
    file: (name, contents) => write(files.file(name), contents),
    use: (stop) => onTestFinished(() => void stop()),
    python: twisted?.python,
  });
}

/** Does what the row does while the command runs. Returns when the command is to be interrupted, or has ended. */
async function follow({ act, until }: Run, written: () => string, hasEnded: () => boolean): Promise<void> {
  let acting: Promise<void> | undefined;
  while (!hasEnded() && until?.test(written()) !== true) {
    acting ??= act?.(written());
    await sleep(5);
  }
  await acting;
}

interface Terminal {
  readonly columns?: number;
  readonly env?: NodeJS.ProcessEnv;
}

async function runIt(run: Run, more: readonly string[], { columns, env }: Terminal = {}): Promise<Ran> {
  const seen = { stdout: "", stderr: "" };
  const interrupt = new AbortController();
  const stdin = run.stdin === undefined ? undefined : Buffer.from(run.stdin, "latin1");
  const terminal = columns === undefined ? {} : { columns };
  let hasEnded = false;
  const running = pb([...run.args, ...more], {
    ...{ seen, stdin, signal: interrupt.signal, ...terminal },
    env: { ...run.env, ...env },
  }).finally(() => (hasEnded = true));
  await follow(
    run,
    () => seen.stdout + seen.stderr,
    () => hasEnded,
  );
  interrupt.abort(new DOMException("Interrupted", "AbortError"));
  return running;
}

function expectHarmless({ stdout, stderr }: Ran, { isForeign, hasLines }: Run): void {
  for (const line of (stdout + stderr).split("\n")) {
    expect(UNPRINTABLE.exec(line)?.[0].codePointAt(0)?.toString(16), line).toBeUndefined();
    if (hasLines !== true) expect(line.startsWith(FORGED), line).toBe(false);
  }
  if (isForeign !== false) expect(stdout + stderr).toContain(MARK);
}

/** Sequences that move the cursor, erase lines and change screens, for tables that are drawn again. */
const MOVES = new RegExp(`${String.fromCharCode(27)}\\[[?\\d]*[A-HJhl]`, "g");
const COLORS = new RegExp(`${String.fromCharCode(27)}\\[\\d+m`);

const withoutMoves = ({ status, stdout, stderr }: Ran): Ran => ({
  ...{ status, stderr },
  stdout: stdout.replaceAll(MOVES, ""),
});

describe.each(rows)("$title", ({ command, row }) => {
  const title = needsTwisted(command) ? `(skipped: ${noTwisted})` : "";

  test.skipIf(needsTwisted(command))(`prints lines of text without controls${title}`, async () => {
    const run = await prepare(row);
    const ran = await runIt(run, []);
    expectHarmless(ran, run);
    expect(ran.status, ran.stderr).toBe(run.status ?? 0);
  });

  test.skipIf(needsTwisted(command))("prints JSON without controls", async () => {
    const run = await prepare(row);
    if (run.json === undefined) return;
    const ran = await runIt(run, run.json);
    expectHarmless(ran, run);
    const lines = ran.stdout.split("\n").slice(0, -1);
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) expect(() => JSON.parse(line) as unknown, line).not.toThrow();
  });

  test.skipIf(needsTwisted(command))(
    "has no colors on a terminal with NO_COLOR, and fits into 40 columns",
    async () => {
      const run = await prepare(row);
      const ran = withoutMoves(await runIt(run, [], { columns: 40, env: { NO_COLOR: "1" } }));
      expectHarmless(ran, run);
      if (run.fits === true) expect(ran.stdout.split("\n").filter((line) => line.length > 40)).toEqual([]);
      if (run.hasColors !== true) return;
      const colored = withoutMoves(await runIt(await prepare(row), [], { columns: 40, env: { NO_COLOR: "" } }));
      expect(colored.stdout + colored.stderr).toMatch(COLORS);
    },
  );
});

const NEVER = /(?!)/;

test.for(Object.entries(commands))(
  "pb %s ends without a message when nothing reads its output",
  async ([command, named], { skip }) => {
    skip(needsTwisted(command), noTwisted);
    const run = await prepare(Object.values(named)[0]!);
    // The second thread of pb tap cannot run the sources.
    const [program, ...args] = typescript("tools/bench/tap/pb.ts", ...run.args);
    const child = spawn(program, args, { env: { ...process.env, ...run.env } });
    child.stdout.destroy();
    child.stdin.end();
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    let hasEnded = false;
    const end = once(child, "close").finally(() => (hasEnded = true));
    await follow(
      { ...run, until: NEVER },
      () => stderr,
      () => hasEnded,
    );
    const [status] = (await end) as [number | null];
    expect([status, stderr]).toEqual([0, expect.stringMatching(/^(pb: listening at .*\n)?$/)]);
  },
);

test.skipIf(process.platform !== "linux")("an output on a full disk is an error without a stack trace", () => {
  const full = openSync("/dev/full", "w");
  const [program, ...args] = typescript("tools/bench/tap/pb.ts", "completion", "bash");
  const { status, stderr } = spawnSync(program, args, { stdio: ["ignore", full, "pipe"], encoding: "utf8" });
  closeSync(full);
  expect([status, stderr]).toEqual([
    2,
    "pb: the output cannot be written: ENOSPC: no space left on device, write (ENOSPC)\n",
  ]);
});
