import { spawnSync } from "node:child_process";
import type { SpawnSyncReturns } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, inject, it } from "vitest";
import { noTwisted } from "../twisted/twisted.js";
import { play } from "./act.js";
import { conversation } from "./conversation.js";
import { runDemo } from "./demo.js";
import type { Command } from "./program.js";

const node = [process.execPath, "--import", "tsx", "--conditions=@pb/source"] as const;

function demo(env: NodeJS.ProcessEnv): SpawnSyncReturns<string> {
  const [command, ...options] = node;
  const limit = { timeout: 90_000, killSignal: "SIGTERM" } as const;
  return spawnSync(command, [...options, "tools/demo/main.ts"], { encoding: "utf8", env, ...limit });
}

describe("npm run demo", { timeout: 60_000 }, () => {
  const twisteds = inject("twisteds");

  it.for(twisteds)("plays all three acts, with Twisted $version", { timeout: 100_000 }, ({ python, version }) => {
    const { status, stdout, stderr } = demo({ ...process.env, PB_PYTHON: python });
    expect(stderr).toBe("");
    expect(stdout).toContain("1. THE HOUSE IN TYPESCRIPT, ALICE IN TYPESCRIPT\n");
    expect(stdout).toContain(`2. THE HOUSE IN PYTHON WITH TWISTED ${version}, ALICE IN TYPESCRIPT\n`);
    expect(stdout).toContain(`3. THE HOUSE IN TYPESCRIPT, ALICE IN PYTHON WITH TWISTED ${version}\n`);
    for (const { told } of conversation) expect(stdout.split(`  ${told[0]}  `)).toHaveLength(1 + 3);
    expect(stdout.split("Alice's password was not among them")).toHaveLength(1 + 3);
    expect(stdout).toContain("03 82 62 69 64                  bid  ");
    expect(stdout).toContain("Twisted sends the bytes shown above");
    expect(stdout).toContain("All of this happened just now.");
    expect(status).toBe(0);

    const lines = stdout.split("\n");
    expect(lines.length).toBeLessThanOrEqual(80);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(110);
  });

  it.skipIf(process.platform === "win32")("fails when Twisted does not do its part", { timeout: 100_000 }, () => {
    const folder = mkdtempSync(join(tmpdir(), "pb-demo-"));
    try {
      const python = join(folder, "python");
      const lines = ["#!/bin/sh", 'case "$1" in -c) echo "$0"; echo 99.0;; *) echo no such house >&2; exit 3;; esac'];
      writeFileSync(python, `${lines.join("\n")}\n`);
      chmodSync(python, 0o755);
      const { status, stdout, stderr } = demo({ ...process.env, PB_PYTHON: python });
      expect(stdout).toContain("2. THE HOUSE IN PYTHON WITH TWISTED 99.0, ALICE IN TYPESCRIPT\n");
      expect(stdout).not.toContain("All of this happened");
      expect(stderr).toMatch(/THE DEMO FAILED: the house has nothing more to tell \(it ended with: 3\)\nno such house/);
      expect(status).toBe(1);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("shows the first act and says loudly that there is no Twisted", async () => {
    const lines: string[] = [];
    await runDemo({ print: (line) => lines.push(line), findTwisted: () => undefined, needsTwisted: false });
    expect(lines).toContain("1. THE HOUSE IN TYPESCRIPT, ALICE IN TYPESCRIPT");
    expect(lines.at(-1)).toBe(noTwisted);
  });

  it("fails without Twisted where that is needed", async () => {
    const running = runDemo({ print: () => undefined, findTwisted: () => undefined, needsTwisted: true });
    await expect(running).rejects.toThrow(noTwisted);
  });
});

describe("an act", { timeout: 60_000 }, () => {
  const house: Command = [...node, "tools/demo/auction/server.ts"];
  const alice: Command = [...node, "tools/demo/auction/client.ts"];
  const script = (code: string): Command => [process.execPath, "-e", code];
  const says = (...told: unknown[]): string => `console.log(${JSON.stringify(JSON.stringify(told))});`;
  const [guess] = conversation;

  it.for([
    ["a house that does not start", script("process.exit(3)"), alice, /the house has nothing more to tell .*: 3/],
    ["a house on no port", script(says("listening", "nowhere")), alice, /\["listening","nowhere"\]/],
    [
      "a house that hangs up",
      script(hangUp()),
      alice,
      /Alice's client has nothing more to tell .*\n[^]*ConnectionLostError/,
    ],
    ["another outcome", house, script(says(guess!.told[0], "welcome")), /but it tells .*"welcome"/],
    ["a failure before the end", house, script(`${says(...guess!.told)} throw 1`), /Alice's client failed/],
    ["something that is no report", house, script('console.log("Traceback")'), /tells what is no JSON: Traceback/],
    ["a program that cannot be started", ["no-such-program"] as Command, alice, /ENOENT/],
  ] as const)("fails on %s", async ([, wrongHouse, wrongAlice, error]) => {
    await expect(play({ house: wrongHouse, alice: wrongAlice }, () => undefined)).rejects.toThrow(error);
  });

  it("does not wait forever for a program that says nothing", async () => {
    const silent = script("setInterval(() => undefined, 1000)");
    await expect(play({ house: silent, alice }, () => undefined, 300)).rejects.toThrow("not done in 300 ms");
  });

  it("does not wait forever for what nobody does any more", async () => {
    const brief = script(says(...guess!.told));
    await expect(play({ house, alice: brief }, () => undefined, 3000)).rejects.toThrow("the house has nothing more to");
  });

  function hangUp(): string {
    const listening = `() => console.log(JSON.stringify(["listening", server.address().port]))`;
    return `const server = require("net").createServer((socket) => socket.end()).listen(0, "127.0.0.1", ${listening})`;
  }
});
