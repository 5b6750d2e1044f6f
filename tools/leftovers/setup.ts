// Runs in each test file: a test of a package fails when it leaves a timer, a listener, a socket or a process behind.

import { afterAll, beforeEach } from "vitest";
import { forgetListeners, handles, leftovers, runningTimers, settledLeftovers, takeNotes } from "./leftovers.js";

/** Milliseconds until what is left must have ended. Only a test that fails takes so long. */
const PATIENCE_MS = Number(process.env.PB_LEFTOVERS_MS ?? 10_000);

/** The tools start servers and programs for many tests. */
const CHECKED = /\/(packages|leftovers)\//;

const isFirst = !("pbLeftovers" in globalThis);
Object.assign(globalThis, { pbLeftovers: true });
if (isFirst) takeNotes();

const realSetImmediate = setImmediate;
let isChecked = false;
const fileStart = { handles: handles(), timers: runningTimers() };

beforeEach(({ onTestFinished, task }) => {
  isChecked = CHECKED.test(task.file.filepath);
  if (!isChecked) return;
  forgetListeners();
  const before = handles();
  const timers = runningTimers();
  // The first callback is the last one to be called.
  onTestFinished(() => expectNothing(() => leftovers(before, timers)));
});

afterAll(async () => {
  forgetListeners();
  await new Promise((resolve) => realSetImmediate(resolve)); // What the last test started in its last turn exists now.
  if (isChecked) await expectNothing(() => leftovers(fileStart.handles, fileStart.timers));
});

async function expectNothing(look: () => string[]): Promise<void> {
  const left = await settledLeftovers(look, PATIENCE_MS);
  if (left.length > 0) throw new Error(`Left behind:\n${left.join("\n")}`);
}
