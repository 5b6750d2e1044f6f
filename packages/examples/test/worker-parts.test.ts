// Tests parts of the Buildbot worker whose errors a master would not notice.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Root } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { expect, test } from "vitest";
import { findFiles } from "../src/buildbot-worker/glob.js";
import { LineDecoder } from "../src/buildbot-worker/line-decoder.js";
import type { RemoteCommand } from "../src/buildbot-worker/master.js";
import { Report } from "../src/buildbot-worker/report.js";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("decodes complete lines from single bytes", () => {
  const lines = new LineDecoder();
  const text = "grün\n☃ and a rest";
  const decoded: string[] = [];
  for (const byte of bytes(text)) decoded.push(lines.decode(Uint8Array.of(byte)));
  expect(decoded.filter((line) => line !== "")).toEqual(["grün\n"]);
  expect(lines.flush()).toBe("☃ and a rest");
});

test("returns a very long incomplete line, and replaces invalid UTF-8", () => {
  const lines = new LineDecoder();
  expect(lines.decode(bytes("x".repeat(70_000)))).toHaveLength(70_000);
  expect(lines.decode(Uint8Array.of(0xff, 0xfe, 0x0a))).toBe("\ufffd\ufffd\n");
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

test("sends all updates in order, without splitting a character, before it completes the command", async () => {
  const root = new Command();
  await using pair = await connectedPair({ root });
  const report = new Report(await pair.client.getRootObject<RemoteCommand>());
  const text = `x${"😀".repeat(100_000)}`;
  report.text("stdout", text);
  report.update({ rc: 0 });
  await report.complete();
  expect(root.updates.map(([{ stdout = "" }]) => stdout).join("")).toBe(text);
  expect(root.updates.at(-1)).toEqual([{ rc: 0 }, 0]);
  expect(root.completed).toEqual([null]);
});

test("drain() waits while megabytes of updates are pending", async () => {
  const root = new Command();
  await using pair = await connectedPair({ root });
  const report = new Report(await pair.client.getRootObject<RemoteCommand>());
  pair.links.listener.hold();
  for (let count = 0; count < 40; count++) report.text("stdout", "x".repeat(60_000));
  let isDrained = false;
  const drained = report.drain().then(() => (isDrained = true));
  await pair.settled();
  expect(isDrained).toBe(false);
  pair.links.listener.release();
  await drained;
  expect(root.updates.length).toBeGreaterThan(10);
});

test("finds the files that Python's glob finds", async () => {
  const root = mkdtempSync(join(tmpdir(), "pb-glob-"));
  try {
    for (const folder of ["a", "a/b", ".git"]) mkdirSync(join(root, folder), { recursive: true });
    for (const file of ["x.txt", "y.txt", "z[1].log", "a/x.txt", "a/b/x.txt", ".git/x.txt", ".hidden.txt"]) {
      writeFileSync(join(root, file), "");
    }
    const find = async (pattern: string): Promise<string[]> =>
      (await findFiles(join(root, pattern))).map((path) => path.slice(root.length + 1));
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
