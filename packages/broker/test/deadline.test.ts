// Deadlines: a timeout, an abort signal, or both.

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { LONGEST_MS, startDeadline, withDeadline } from "@pb/broker/extension";
import type { DeadlineOptions } from "@pb/broker/extension";
import { rejection } from "./support/raw-peer.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const timeoutError = (timeoutMs: number): Error => new Error(`not within ${timeoutMs} ms`);
const timeout = timeoutError(100);
const canceled = new Error("canceled");

function deferred() {
  let resolve!: (value: string) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<string>((...functions) => ([resolve, reject] = functions));
  return { promise, resolve, reject };
}

/** A signal that counts its listeners. */
function countedSignal(): { controller: AbortController; listeners: () => number } {
  const controller = new AbortController();
  const { signal } = controller;
  const add = vi.spyOn(signal, "addEventListener");
  const remove = vi.spyOn(signal, "removeEventListener");
  return {
    controller,
    listeners: () => {
      const removed = new Set(remove.mock.calls.map(([, listener]) => listener));
      return add.mock.calls.filter(([, listener]) => !removed.has(listener)).length;
    },
  };
}

describe("startDeadline", () => {
  function start(options: DeadlineOptions) {
    const reasons: Error[] = [];
    const deadline = startDeadline(options, timeoutError, (reason) => reasons.push(reason));
    return { deadline, reasons };
  }

  test("expires with the timeout error after exactly the timeout", () => {
    const { reasons } = start({ timeoutMs: 100 });
    vi.advanceTimersByTime(99);
    expect(reasons).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(reasons).toEqual([timeout]);
  });

  test("expires with the reason of the signal when that aborts", () => {
    const { controller } = countedSignal();
    const { reasons } = start({ signal: controller.signal });
    controller.abort(canceled);
    expect(reasons).toEqual([canceled]);
  });

  test("expires before it returns if the signal has already aborted", () => {
    const { reasons } = start({ signal: AbortSignal.abort(canceled), timeoutMs: 100 });
    expect(reasons).toEqual([canceled]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test.each([
    ["the timeout comes first", [100, "abort"], timeout],
    ["the signal comes first", ["abort", 100], canceled],
  ] as const)("expires only once when %s", (_order, steps, reason) => {
    const { controller, listeners } = countedSignal();
    const { reasons } = start({ signal: controller.signal, timeoutMs: 100 });
    expect([vi.getTimerCount(), listeners()]).toEqual([1, 1]);
    for (const step of steps) {
      if (step === "abort") controller.abort(canceled);
      else vi.advanceTimersByTime(step);
      expect(reasons).toEqual([reason]);
      expect([vi.getTimerCount(), listeners()]).toEqual([0, 0]);
    }
  });

  test("does not expire after clear, which stops the timer and removes the listener", () => {
    const { controller, listeners } = countedSignal();
    const { deadline, reasons } = start({ signal: controller.signal, timeoutMs: 100 });
    deadline.clear();
    deadline.clear();
    expect([vi.getTimerCount(), listeners()]).toEqual([0, 0]);
    vi.advanceTimersByTime(1000);
    controller.abort(canceled);
    expect(reasons).toEqual([]);
  });

  test.each([undefined, Infinity, LONGEST_MS + 1])("starts no timer for a timeout of %s ms", (timeoutMs) => {
    const { reasons } = start({ timeoutMs });
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(LONGEST_MS);
    expect(reasons).toEqual([]);
  });
});

describe("withDeadline", () => {
  /** Work that the test completes, with the signal that it was given. */
  function startWork(options: DeadlineOptions) {
    const { promise, resolve, reject } = deferred();
    const discarded: string[] = [];
    let workSignal: AbortSignal | undefined;
    const result = withDeadline(
      options,
      timeoutError,
      (signal) => {
        workSignal = signal;
        return promise;
      },
      (late) => discarded.push(late),
    );
    result.catch(() => undefined);
    return { result, resolve, reject, discarded, signal: workSignal! };
  }

  test("resolves with the result, and clears the timer and the listener", async () => {
    const { controller, listeners } = countedSignal();
    const work = startWork({ signal: controller.signal, timeoutMs: 100 });
    work.resolve("done");
    expect(await work.result).toBe("done");
    expect([vi.getTimerCount(), listeners()]).toEqual([0, 0]);
    controller.abort(canceled);
    expect(work.signal.aborted).toBe(false);
    expect(work.discarded).toEqual([]);
  });

  test("rejects with the error of the work, and clears the timer and the listener", async () => {
    const { controller, listeners } = countedSignal();
    const work = startWork({ signal: controller.signal, timeoutMs: 100 });
    const error = new Error("failed");
    work.reject(error);
    expect(await rejection(work.result)).toBe(error);
    expect([vi.getTimerCount(), listeners()]).toEqual([0, 0]);
  });

  test("rejects when the work throws, and clears the timer and the listener", async () => {
    const { controller, listeners } = countedSignal();
    const error = new Error("failed");
    const work = (): never => {
      throw error;
    };
    expect(await rejection(withDeadline({ signal: controller.signal, timeoutMs: 100 }, timeoutError, work))).toBe(
      error,
    );
    expect([vi.getTimerCount(), listeners()]).toEqual([0, 0]);
  });

  test("rejects after the timeout, aborts the signal of the work, and discards the late result", async () => {
    const work = startWork({ timeoutMs: 100 });
    expect(work.signal.aborted).toBe(false);
    vi.advanceTimersByTime(100);
    expect(await rejection(work.result)).toEqual(timeout);
    expect(work.signal.reason).toEqual(timeout);
    work.resolve("late");
    await Promise.resolve();
    expect(work.discarded).toEqual(["late"]);
  });

  test("rejects with the reason of the signal, and ignores the late error", async () => {
    const controller = new AbortController();
    const work = startWork({ signal: controller.signal });
    controller.abort(canceled);
    expect(await rejection(work.result)).toBe(canceled);
    expect(work.signal.reason).toBe(canceled);
    work.reject(new Error("late")); // An unhandled rejection would fail this test.
    await Promise.resolve();
    expect(work.discarded).toEqual([]);
  });

  test("ignores a late result without a function that discards it", async () => {
    const { promise, resolve } = deferred();
    const result = withDeadline({ timeoutMs: 100 }, timeoutError, () => promise);
    vi.advanceTimersByTime(100);
    resolve("late");
    expect(await rejection(result)).toEqual(timeout);
  });

  test("rejects without running the work if the signal has already aborted", async () => {
    const work = vi.fn(() => Promise.resolve());
    const options = { signal: AbortSignal.abort(canceled), timeoutMs: 100 };
    expect(await rejection(withDeadline(options, timeoutError, work))).toBe(canceled);
    expect(work).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });
});
