import { spawnSync } from "node:child_process";
import type { SpawnSyncReturns } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, inject, it } from "vitest";
import { hasNats } from "../e2e/nats/nats-server.js";
import { typescript } from "../process/program.js";
import type { Command } from "../process/program.js";
import { noTwisted } from "../twisted/twisted.js";
import { playAct } from "./act.js";
import { runDemo } from "./demo.js";
import { script } from "./script.js";

const hasServer = hasNats();
if (!hasServer) console.warn("SKIPPED: the demo of a cluster, because there is no command nats-server");

function demo(python: string, ...words: readonly string[]): SpawnSyncReturns<string> {
  const [command, ...args] = typescript("tools/demo/main.ts", ...words);
  const env = { ...process.env, PB_PYTHON: python };
  return spawnSync(command, args, { encoding: "utf8", env, timeout: 600_000, killSignal: "SIGTERM" });
}

describe("npm run demo", { timeout: 600_000 }, () => {
  it.for(inject("twisteds"))("plays all three acts with Twisted $version", ({ python, version }) => {
    const { status, stdout, stderr } = demo(python);
    expect(stderr).toBe("");
    expect(stdout).toContain("1. SERVER IN TYPESCRIPT, CLIENT IN TYPESCRIPT\n");
    expect(stdout).toContain(`2. SERVER IN PYTHON WITH TWISTED ${version}, CLIENT IN TYPESCRIPT\n`);
    expect(stdout).toContain(`3. SERVER IN TYPESCRIPT, CLIENT IN PYTHON WITH TWISTED ${version}\n`);
    for (const { report } of script) expect(stdout.split(`  ${report[0]}  `)).toHaveLength(1 + 3);
    expect(stdout.split("Alice's password is not among them")).toHaveLength(1 + 3);
    expect(stdout).toContain("03 82 62 69 64                  bid  ");
    expect(stdout).toContain("Twisted sent the bytes shown above");
    expect(stdout).toContain("Everything above was checked while it ran.");
    expect(status).toBe(0);

    const lines = stdout.split("\n");
    expect(lines.length).toBeLessThanOrEqual(80);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(110);
  });

  it.skipIf(process.platform === "win32")("fails when the Twisted program fails", () => {
    const folder = mkdtempSync(join(tmpdir(), "pb-demo-"));
    try {
      const python = join(folder, "python");
      const lines = ["#!/bin/sh", 'case "$1" in -c) echo "$0"; echo 99.0;; *) echo no such file >&2; exit 3;; esac'];
      writeFileSync(python, `${lines.join("\n")}\n`);
      chmodSync(python, 0o755);
      const { status, stdout, stderr } = demo(python);
      expect(stdout).toContain("2. SERVER IN PYTHON WITH TWISTED 99.0, CLIENT IN TYPESCRIPT\n");
      expect(stdout).not.toContain("Everything above was checked");
      expect(stderr).toMatch(/THE DEMO FAILED: the server exited before its next line \(exit: 3\)\nno such file/);
      expect(status).toBe(1);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("plays the first act without Twisted and says that Twisted is missing", async () => {
    const lines: string[] = [];
    await runDemo({ print: (line) => lines.push(line), findTwisted: () => undefined, needsTwisted: false });
    expect(lines).toContain("1. SERVER IN TYPESCRIPT, CLIENT IN TYPESCRIPT");
    expect(lines.at(-1)).toBe(noTwisted);
  });

  it("fails without Twisted when Twisted is required", async () => {
    const running = runDemo({ print: () => undefined, findTwisted: () => undefined, needsTwisted: true });
    await expect(running).rejects.toThrow(noTwisted);
  });
});

describe("npm run demo -- cluster", { timeout: 600_000 }, () => {
  it("has a NATS server in CI", () => {
    expect(process.env.CI !== "true" || hasServer).toBe(true);
  });

  it.skipIf(!hasServer)("shows a takeover and a restart of NATS, and ends", () => {
    const { status, stdout, stderr } = demo("python3", "cluster");
    expect([stderr, status]).toEqual(["", 0]);
    const cards = ["Buy apples", "Bake bread", "Brew tea"].map((text, index) => `"${index + 1}":"${text}"`);
    const lines = stdout.split("\n");
    const shows = (name: string, status: string, count: number): number =>
      lines.indexOf(`   client of ${name}: ${status} {"cards":{${cards.slice(0, count).join()}}}`);
    const shown = [shows("a", "live", 1), shows("c", "live", 2), shows("c", "stale", 2), shows("b", "live", 3)];
    expect(shown).not.toContain(-1);
    expect(shown).toEqual(shown.toSorted((one, other) => one - other));
    expect(stdout).toMatch(/Another node has taken over after \d+ ms/);
  });
});

describe("an act", { timeout: 300_000 }, () => {
  const server = typescript("tools/demo/auction/server.ts");
  const client = typescript("tools/demo/auction/client.ts");
  const evaluate = (code: string): Command => [process.execPath, "-e", code];
  const print = (...report: unknown[]): string => `console.log(${JSON.stringify(JSON.stringify(report))});`;
  const [[event, result]] = script.map(({ report }) => report) as [readonly [string, unknown]];
  const hangUp = `const server = require("net").createServer((socket) => socket.end()).listen(0, "127.0.0.1", () =>
    console.log(JSON.stringify(["listening", server.address().port])))`;

  it.for([
    ["the server does not start", evaluate("process.exit(3)"), client, /the server exited .* \(exit: 3\)/],
    ["the server reports no port", evaluate(print("listening", "nowhere")), client, /\["listening","nowhere"\]/],
    ["the server closes the connection", evaluate(hangUp), client, /the client exited .*\n[^]*ConnectionLostError/],
    ["a result differs", server, evaluate(print(event, "welcome")), /but reported .*"welcome"/],
    ["the client fails early", server, evaluate(`${print(event, result)} throw 1`), /the client exited early/],
    ["the client exits early", server, evaluate(print(event, result)), /the client exited early \(exit: 0\)/],
    ["a report is not JSON", server, evaluate('console.log("Traceback")'), /is not JSON: Traceback/],
    ["a program cannot be started", ["no-such-program"] as Command, client, /ENOENT/],
  ] as const)("fails when %s", async ([, wrongServer, wrongClient, error]) => {
    await expect(playAct({ server: wrongServer, client: wrongClient }, () => undefined)).rejects.toThrow(error);
  });

  it("kills a program that reports nothing", async () => {
    const silent = evaluate("setInterval(() => undefined, 1000)");
    await expect(playAct({ server: silent, client }, () => undefined, 300)).rejects.toThrow("killed after 300 ms");
  });
});
