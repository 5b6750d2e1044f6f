/** A lock that processes share: a folder, which only one of them can make. */
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Longer than any installation takes, with its own time limits. */
const patience = 15 * 60_000;

/** Blocks until the lock is free. A lock whose holder died, or forgot it, is taken over. */
export function withLock<T>(folder: string, work: () => T): T {
  while (!tryLock(folder)) {
    if (isAbandoned(folder)) discard(folder);
    else sleep(100);
  }
  try {
    return work();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function tryLock(folder: string): boolean {
  try {
    mkdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
  writeFileSync(join(folder, "pid"), String(process.pid));
  return true;
}

function isAbandoned(folder: string): boolean {
  try {
    if (Date.now() - statSync(folder).mtimeMs > patience) return true;
    const pid = readFileSync(join(folder, "pid"), "utf8");
    return pid !== "" && !isAlive(Number(pid));
  } catch {
    return false; // just released, or its holder has not written its name yet
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** By renaming, so that of two who see an abandoned lock only one removes it. */
function discard(folder: string): void {
  const aside = `${folder}-${process.pid}`;
  try {
    renameSync(folder, aside);
    rmSync(aside, { recursive: true, force: true });
  } catch {
    // the other one was faster
  }
}

function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
