/** The parts of the Buildbot worker that can be had wrong without a master noticing at once. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Root } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { expect, test } from "vitest";
import { filesLike } from "../src/buildbot-worker/glob.js";
import { Lines } from "../src/buildbot-worker/lines.js";
import type { RemoteCommand } from "../src/buildbot-worker/master.js";
import { Report } from "../src/buildbot-worker/report.js";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("output is told in whole lines, however it comes", () => {
  const lines = new Lines();
  const text = "grün\n☃ and a rest";
  const told: string[] = [];
  for (const byte of bytes(text)) told.push(lines.feed(Uint8Array.of(byte)));
  expect(told.filter((line) => line !== "")).toEqual(["grün\n"]);
  expect(lines.end()).toBe("☃ and a rest");
});

test("a line without end is not waited for, and bad UTF-8 is replaced", () => {
  const lines = new Lines();
  expect(lines.feed(bytes("x".repeat(70_000)))).toHaveLength(70_000);
  expect(lines.feed(Uint8Array.of(0xff, 0xfe, 0x0a))).toBe("\ufffd\ufffd\n");
});

class Command extends Root {
  readonly updates: [Record<string, unknown>, number][] = [];
  completed: unknown[] = [];

  remote_update(updates: [Record<string, unknown>, number][]): number {
    this.updates.push(...updates);
    return 0;
  }
  remote_complete(failure: unknown): void {
    this.completed.push(failure);
  }
}

test("a report arrives in order and whole, with no character cut in two, before the command is complete", async () => {
  const root = new Command();
  await using pair = await connectedPair({ root });
  const report = new Report(await pair.client.getRootObject<RemoteCommand>());
  const text = `x${"😀".repeat(100_000)}`;
  report.text("stdout", text);
  report.tell({ rc: 0 });
  await report.complete();
  expect(root.updates.map(([{ stdout = "" }]) => stdout).join("")).toBe(text);
  expect(root.updates.at(-1)).toEqual([{ rc: 0 }, 0]);
  expect(root.completed).toEqual([null]);
});

test("a command waits while the master has not taken megabytes", async () => {
  const root = new Command();
  await using pair = await connectedPair({ root });
  const report = new Report(await pair.client.getRootObject<RemoteCommand>());
  pair.links.listener.hold();
  for (let count = 0; count < 40; count++) report.text("stdout", "x".repeat(60_000));
  let hasRoom = false;
  const room = report.room().then(() => (hasRoom = true));
  await pair.settled();
  expect(hasRoom).toBe(false);
  pair.links.listener.release();
  await room;
  expect(root.updates.length).toBeGreaterThan(10);
});

test("patterns find what Python's glob finds", async () => {
  const root = mkdtempSync(join(tmpdir(), "pb-glob-"));
  try {
    for (const folder of ["a", "a/b", ".git"]) mkdirSync(join(root, folder), { recursive: true });
    for (const file of ["x.txt", "y.txt", "z[1].log", "a/x.txt", "a/b/x.txt", ".git/x.txt", ".hidden.txt"]) {
      writeFileSync(join(root, file), "");
    }
    const find = async (pattern: string): Promise<string[]> =>
      (await filesLike(join(root, pattern))).map((path) => path.slice(root.length + 1));
    expect(await find("*.txt")).toEqual(["x.txt", "y.txt"]);
    expect(await find("?.txt")).toEqual(["x.txt", "y.txt"]);
    expect(await find("[!x].txt")).toEqual(["y.txt"]);
    expect(await find("[a-x].txt")).toEqual(["x.txt"]);
    expect(await find("**/x.txt")).toEqual(["a/b/x.txt", "a/x.txt", "x.txt"]);
    expect(await find("z[[]1].log")).toEqual(["z[1].log"]);
    expect(await find(".hid*")).toEqual([".hidden.txt"]);
    expect(await find("none/*")).toEqual([]);
  } finally {
    rmSync(root, { recursive: true });
  }
});
