/** Two processes never hold the lock at once, and a dead one does not keep it. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { withLock } from "./lock.js";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pb-lock-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const holder = `
  const [lock, log] = process.argv.slice(1);
  const { withLock } = await import(${JSON.stringify(new URL("./lock.ts", import.meta.url).href)});
  const { appendFileSync } = await import("node:fs");
  withLock(lock, () => {
    appendFileSync(log, "in ");
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
    appendFileSync(log, "out ");
  });
`;

test("lets one process in at a time", async () => {
  const log = join(folder, "log");
  const args = ["--import", "tsx", "--input-type=module", "--eval", holder, join(folder, "lock"), log];
  const processes = [1, 2, 3].map(() => spawn(process.execPath, args, { stdio: "inherit" }));
  await Promise.all(processes.map((process) => once(process, "exit")));
  expect(readFileSync(log, "utf8")).toBe("in out in out in out ");
});

test("takes over the lock of a process that died", () => {
  const dead = spawnSync(process.execPath, ["--eval", ""]).pid;
  const lock = join(folder, "lock");
  mkdirSync(lock);
  writeFileSync(join(lock, "pid"), String(dead));
  expect(withLock(lock, () => "mine")).toBe("mine");
  expect(existsSync(lock)).toBe(false);
});

test("is free again when the work throws", () => {
  const lock = join(folder, "lock");
  expect(() =>
    withLock(lock, () => {
      throw new Error("no");
    }),
  ).toThrow("no");
  expect(existsSync(lock)).toBe(false);
});
