// Divides the time of the process between connections that have more to read than one turn allows.

import { Fifo } from "../fifo.js";

/**
 * Milliseconds of one turn of the event loop for all these connections together. Each may take as long; another one
 * begins only when there is time left.
 */
const TURN_MS = 10;

/**
 * Runs a callback in the next turn of the event loop. A timer would wait for a millisecond, which adds up on a busy
 * machine, where a turn also ends because other processes run meanwhile.
 */
const nextTurn: (callback: () => void) => void =
  (globalThis as { readonly setImmediate?: (callback: () => void) => void }).setImmediate ?? setTimeout;

const waiting = new Fifo<() => void>();
let isScheduled = false;

/** Calls `read` in a later turn of the event loop, after those that were passed before. */
export function inTurn(read: () => void): void {
  waiting.add(read);
  schedule();
}

function schedule(): void {
  if (isScheduled || waiting.size === 0) return;
  isScheduled = true;
  nextTurn(runTurn);
}

/** Those that are added meanwhile wait for the next turn. */
function runTurn(): void {
  const end = performance.now() + TURN_MS;
  let left = waiting.size;
  try {
    do waiting.take()?.();
    while (--left > 0 && performance.now() < end);
  } finally {
    isScheduled = false;
    schedule();
  }
}
