// Files that are damaged in any way are read up to the damage: an error has a code and one line, and is no bug of pb.

import { writeFileSync } from "node:fs";
import { afterAll, expect, test } from "vitest";
import { folder } from "../../../node-transport/test/support/echo.js";
import { hostileTalk, recordingOf, said, UNPRINTABLE } from "../outputs/peers.js";
import { pb } from "../support.js";

const files = folder();
afterAll(() => files[Symbol.dispose]());

const recording = Buffer.from(recordingOf(hostileTalk));
const originals: readonly (readonly [string, Uint8Array])[] = [
  ["a recording", recording],
  ["the bytes of a server", Buffer.concat(hostileTalk.server)],
  ["the bytes of a client", Buffer.concat(said("find").client)],
];

/** Whole numbers below `most`, the same in each run. */
function numbers(seed: number): (most: number) => number {
  let state = seed;
  return (most) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * most);
  };
}

/** A file in which a few bytes were replaced, removed or repeated. */
function damaged(original: Uint8Array, next: (most: number) => number): Uint8Array {
  let bytes = Buffer.from(original);
  for (let count = 1 + next(3); count > 0; count--) {
    const at = next(bytes.length);
    const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
    const ways = [
      () => Buffer.concat([before, Buffer.of(next(256)), after.subarray(1)]),
      () => Buffer.concat([before, after.subarray(1 + next(50))]),
      () => Buffer.concat([before, after.subarray(0, 50), after]),
      () => before,
    ];
    bytes = ways[next(ways.length)]!();
  }
  return bytes;
}

async function expectRead(bytes: Uint8Array): Promise<void> {
  const file = files.file("damaged");
  writeFileSync(file, bytes);
  for (const args of [
    ["decode", file],
    ["stats", file, "--json"],
  ]) {
    const { status, stdout, stderr } = await pb(args);
    expect([0, 1, 5], stderr).toContain(status);
    expect(stderr).toMatch(status === 0 ? /^$/ : /^pb: .* \(CLI_(NOT_PB|RECORDING_\w+)\)\n$/);
    expect(stdout + stderr).not.toMatch(UNPRINTABLE);
  }
}

test.each(originals)("%s that is cut off anywhere", async (_name, original) => {
  for (let cut = 0; cut < original.length; cut += 1 + (cut >> 4)) await expectRead(original.subarray(0, cut));
});

test.each(originals)("%s with other bytes", async (_name, original) => {
  const next = numbers(11);
  for (let round = 0; round < 25; round++) await expectRead(damaged(original, next));
});

test("a damaged recording is no reason for pb replay to fail as a bug", async () => {
  const next = numbers(13);
  const file = files.file("replayed");
  for (let round = 0; round < 25; round++) {
    writeFileSync(file, damaged(recording, next));
    const { status, stderr } = await pb(["replay", file, "--as", "client", "--to", "tcp:127.0.0.1:1"]);
    expect([1, 3], stderr).toContain(status);
  }
});
