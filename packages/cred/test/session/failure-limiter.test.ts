// Tests of the counts of failures per key.

import { expect, test } from "vitest";
import { FailureLimiter, holdAll } from "../../src/session/failure-limiter.js";
import type { FailureLimit } from "../../src/session/failure-limiter.js";

/** A limiter with a clock that a test sets. `fail` makes one login fail, and returns false when it was refused. */
function limiterAt(limit: Partial<FailureLimit>) {
  const clock = { now: 1_000 };
  const limiter = new FailureLimiter(
    { burst: 3, intervalMs: 1000, keys: 10, refusal: "no", ...limit },
    () => clock.now,
  );
  const fail = (key: string) => {
    if (limiter.room(key) !== "free") return false;
    limiter.hold(key);
    limiter.release(key, 1);
    return true;
  };
  return { clock, limiter, fail };
}

test("allows a burst of failures, and one more after each interval", () => {
  const { clock, fail } = limiterAt({ burst: 3, intervalMs: 1000 });
  expect([fail("a"), fail("a"), fail("a"), fail("a")]).toEqual([true, true, true, false]);
  clock.now += 999;
  expect(fail("a")).toBe(false);
  clock.now += 1;
  expect([fail("a"), fail("a"), fail("b")]).toEqual([true, false, true]);
  clock.now += 10_000;
  expect([fail("a"), fail("a"), fail("a"), fail("a")]).toEqual([true, true, true, false]);
});

test("allows any number of failures with an interval of 0, and no more after the burst with Infinity", () => {
  const { fail } = limiterAt({ burst: 1, intervalMs: 0 });
  for (let login = 0; login < 10; login++) expect(fail("a")).toBe(true);
  const { fail: failOnce, clock } = limiterAt({ burst: 1, intervalMs: Infinity });
  expect(failOnce("a")).toBe(true);
  clock.now += 1e15;
  expect(failOnce("a")).toBe(false);
});

test("does not count logins that succeed", () => {
  const { limiter } = limiterAt({ burst: 1 });
  for (let login = 0; login < 10; login++) {
    expect(limiter.room("a")).toBe("free");
    limiter.hold("a");
    expect(limiter.room("a")).toBe("busy");
    limiter.release("a", 0);
  }
  expect(limiter.size).toEqual({ failed: 0, active: 0 });
});

test("never forgets a key that is limited, whatever other keys do, and forgets those that have recovered", () => {
  const { clock, limiter, fail } = limiterAt({ burst: 2, intervalMs: 60_000, keys: 100 });
  while (fail("victim"));
  for (let name = 0; name < 10_000; name++) {
    fail(`${name}`);
    clock.now += 0.1;
  }
  expect(limiter.size.failed).toBe(100);
  expect(fail("victim")).toBe(false);
  expect(fail("0")).toBe(true); // has one failure left
  expect(fail("0")).toBe(false);
  clock.now += 120_000;
  expect([fail("new"), fail("new"), fail("new")]).toEqual([true, true, false]);
  expect(limiter.size.failed).toBe(1);
});

test("counts keys together that find the table full, with as many counts as it has places", () => {
  const { clock, limiter, fail } = limiterAt({ burst: 2, intervalMs: 60_000, keys: 1 });
  expect(fail("a")).toBe(true);
  expect(["b", "c", "d"].map(fail)).toEqual([true, true, false]);
  expect(limiter.size.failed).toBe(1);
  clock.now += 60_000; // a has recovered; b, c and d have one failure together
  expect(["d", "d"].map(fail)).toEqual([true, false]);
  const wide = limiterAt({ burst: 2, intervalMs: 60_000, keys: 1_000 });
  for (let key = 0; key < 2_000; key++) wide.fail(`${key}`);
  const refused = Array.from({ length: 1_000 }, (_, key) => wide.fail(`new ${key}`)).filter((isFree) => !isFree);
  expect(refused.length).toBeGreaterThan(0);
  expect(refused.length).toBeLessThan(1_000);
});

test("takes keys in turn, and passes over a key that waits elsewhere", async () => {
  const one = limiterAt({ burst: 1, refusal: "one" }).limiter;
  const other = limiterAt({ burst: 1, refusal: "other" }).limiter;
  const order: string[] = [];
  const start = (name: string, ...budgets: ReturnType<FailureLimiter["budget"]>[]) => {
    const hold = holdAll(budgets);
    void hold.result.then((refusal) => order.push(refusal === undefined ? name : `${name}: ${refusal}`));
    return hold;
  };
  const turn = () => new Promise<void>((resolve) => setTimeout(resolve));
  const [a, b] = [one.budget("a"), other.budget("b")];
  start("first", a);
  start("second", b);
  start("both", a, b);
  start("third", a);
  const canceled = start("canceled", a);
  await turn();
  expect(order).toEqual(["first", "second"]);
  a.release(0); // "both" now waits for b, so it is the turn of "third"
  canceled.cancel("gone");
  await turn();
  expect(order).toEqual(["first", "second", "third", "canceled: gone"]);
  b.release(0); // "both" waits for a again
  a.release(0);
  await turn();
  expect(order.at(-1)).toBe("both");
  start("late", a);
  await turn();
  a.release(1);
  b.release(0);
  await turn();
  expect(order.at(-1)).toBe("late: one");
  expect([one.size.active, other.size.active]).toEqual([0, 0]);
});

test("canceling a hold that has been given does nothing", async () => {
  const { limiter } = limiterAt({ burst: 1 });
  const hold = holdAll([limiter.budget("a")]);
  expect(await hold.result).toBeUndefined();
  hold.cancel("gone");
  expect(await hold.result).toBeUndefined();
  expect(limiter.room("a")).toBe("busy");
  limiter.budget("a").release(0);
  expect(limiter.room("a")).toBe("free");
});

test("searches a full table for keys to forget once in a second, and no table that has space", () => {
  const { clock, limiter } = limiterAt({ burst: 5, intervalMs: 10, keys: 3 });
  for (const key of ["a", "b"]) limiter.record(key);
  clock.now += 100; // a and b have recovered, and stay: there is space
  limiter.record("c");
  expect(limiter.size.failed).toBe(3);
  limiter.record("d"); // the first search
  expect(limiter.size.failed).toBe(2);
  limiter.record("e");
  clock.now += 999;
  limiter.record("f"); // shares the count of the keys that find no place
  expect(limiter.size.failed).toBe(3);
  clock.now += 1;
  limiter.record("g"); // the next search
  expect(limiter.size.failed).toBe(1);
});
