// Large recordings are read in constant memory: `npm run bench -- recording` shows it with 3 GB.

import { expect, test } from "vitest";
import { replayLast, runPb, writeLargeRecording } from "../../../../tools/bench/recording/main.js";
import type { Run } from "../../../../tools/bench/recording/main.js";
import { folder } from "../../../node-transport/test/support/echo.js";

const MEGABYTE = 1_000_000;

/** Half of the bytes that the large recording has more. The heap of V8 grows by less until its size is stable. */
const MOST_GROWTH_MB = 35;

test("pb decode, stats and replay take as much memory for 100 MB as for 30 MB", { timeout: 900_000 }, async () => {
  const small = await runAll(30 * MEGABYTE);
  const large = await runAll(100 * MEGABYTE);
  for (const command of ["decode", "stats", "replay"] as const)
    expect(large[command].peak - small[command].peak, command).toBeLessThan(MOST_GROWTH_MB);
});

async function runAll(size: number): Promise<Record<"decode" | "stats" | "replay", Run>> {
  using files = folder();
  const recording = await writeLargeRecording(files.path, size);
  const decode = await runPb(["decode", recording.file], { isDiscarded: true });
  const stats = await runPb(["stats", recording.file]);
  const replay = await replayLast(recording, files.path);
  expect([decode.status, stats.status, replay.status]).toEqual([0, 0, 0]);
  const { connections, messages } = recording;
  expect(JSON.parse(stats.stdout)).toMatchObject({ connections, messages });
  return { decode, stats, replay };
}
