import { ConnectionLostError } from "@pb/broker";
import { LONGEST_MS } from "@pb/broker/extension";
import { ServerBusyError } from "@pb/transport";
import { expect, test } from "vitest";
import { completeBackoff, defaultBackoff, delayAfter, retryDelay } from "../../src/client/backoff.js";

const longest = (failures: number): number => delayAfter(failures, defaultBackoff, () => 0);
const shortest = (failures: number): number => delayAfter(failures, defaultBackoff, () => 1);

test("delays double up to 30 seconds, and up to half of each is random", () => {
  expect([1, 2, 3, 4, 5, 6, 7, 8, 1000].map(longest)).toEqual([
    500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000,
  ]);
  expect([1, 2, 3].map(shortest)).toEqual([250, 500, 1000]);
});

test("delays follow the options", () => {
  const backoff = { ...defaultBackoff, firstMs: 10, factor: 3, highestMs: 100, jitter: 0 };
  expect([1, 2, 3, 4].map((failures) => delayAfter(failures, backoff))).toEqual([10, 30, 90, 100]);
});

test("options are checked and completed", () => {
  expect(completeBackoff(undefined)).toEqual(defaultBackoff);
  expect(completeBackoff({ factor: 1, jitter: 1 })).toEqual({ ...defaultBackoff, factor: 1, jitter: 1 });
  for (const options of [{ factor: 0.99 }, { jitter: 1.01 }, { jitter: -0.01 }, { firstMs: Number.NaN }])
    expect(() => completeBackoff(options)).toThrow(TypeError);
});

test("the delay that a busy server asks for becomes up to half as much longer, and other errors ask for none", () => {
  const busy = new ServerBusyError("connections", 1000);
  expect([0, 0.5, 1].map((random) => retryDelay(busy, () => random))).toEqual([1000, 1250, 1500]);
  const lost = (cause?: Error): Error => new ConnectionLostError("lost", "The connection was lost", { cause });
  expect(retryDelay(lost(busy), () => 0)).toBe(1000);
  expect([lost(), lost(new Error("reset")), new Error("refused"), undefined].map((error) => retryDelay(error))).toEqual(
    [0, 0, 0, 0],
  );
});

test("a user who is denied for a day comes back after a day, and a time that no timer can wait is cut", () => {
  const denied = (retryAfterMs: number): Error =>
    new ConnectionLostError("denied", "The sessions were ended", {
      cause: Object.assign(new Error(), { retryAfterMs }),
    });
  const day = 86_400_000;
  expect([0, 1].map((random) => retryDelay(denied(day), () => random))).toEqual([day, day + 60_000]);
  expect(retryDelay(denied(1000), () => 1)).toBe(1500);
  expect(retryDelay(denied(100 * day))).toBe(LONGEST_MS);
});

test.each([
  [{ firstMs: Infinity }, 1, 30_000],
  [{ firstMs: Infinity, highestMs: Infinity }, 1, LONGEST_MS],
  [{ firstMs: 1, highestMs: Infinity }, 5_000, LONGEST_MS],
  [{ firstMs: 0 }, 5_000, 0],
  [{ firstMs: 0, factor: Infinity }, 2, 0],
])("with %o, the delay after failure %d is one that a timer can wait", (options, failures, delay) => {
  expect(delayAfter(failures, completeBackoff({ jitter: 0, ...options }))).toBe(delay);
});
