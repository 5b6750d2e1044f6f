// Sets of callbacks that can be unsubscribed.

import { describe, expect, test } from "vitest";
import { Subscriptions } from "@pb/broker/extension";

function subscriptionsOf(...names: string[]) {
  const subscriptions = new Subscriptions<[log: string[]]>();
  const disposables = names.map((name) => subscriptions.add((log) => log.push(name)));
  const run = (): string[] => {
    const log: string[] = [];
    for (const callback of subscriptions) callback(log);
    return log;
  };
  return { subscriptions, disposables, run };
}

describe("Subscriptions", () => {
  test("calls the callbacks in the order in which they subscribed, every time", () => {
    const { run } = subscriptionsOf("a", "b", "c");
    expect([run(), run()]).toEqual([
      ["a", "b", "c"],
      ["a", "b", "c"],
    ]);
  });

  test("removes a callback when its subscription is disposed of, also twice", () => {
    const { disposables, run } = subscriptionsOf("a", "b", "c");
    disposables[1]![Symbol.dispose]();
    disposables[1]![Symbol.dispose]();
    expect(run()).toEqual(["a", "c"]);
  });

  test("keeps one subscription per call of add, also for the same function", () => {
    const subscriptions = new Subscriptions<[]>();
    let calls = 0;
    const callback = (): void => {
      calls++;
    };
    const first = subscriptions.add(callback);
    subscriptions.add(callback);
    for (const each of subscriptions) each();
    expect(calls).toBe(2);
    first[Symbol.dispose]();
    for (const each of subscriptions) each();
    expect(calls).toBe(3);
  });

  test("leaves out a callback that an earlier one removed, and ends with one that an earlier one added", () => {
    const { subscriptions, disposables } = subscriptionsOf("a", "b");
    const log: string[] = [];
    let isFirst = true;
    for (const callback of subscriptions) {
      callback(log);
      if (isFirst) {
        disposables[1]![Symbol.dispose]();
        subscriptions.add((late) => late.push("c"));
      }
      isFirst = false;
    }
    expect(log).toEqual(["a", "c"]);
  });
});

describe("takeAll", () => {
  test("removes every callback before it is called", () => {
    const { subscriptions, run } = subscriptionsOf("a", "b");
    const log: string[] = [];
    for (const callback of subscriptions.takeAll()) {
      expect([...subscriptions]).not.toContain(callback);
      callback(log);
    }
    expect(log).toEqual(["a", "b"]);
    expect(run()).toEqual([]);
  });

  test("leaves out a callback that an earlier one removed, and keeps one that an earlier one added", () => {
    const { subscriptions, disposables, run } = subscriptionsOf("a", "b", "c");
    const log: string[] = [];
    for (const callback of subscriptions.takeAll()) {
      if (log.length === 0) {
        disposables[1]![Symbol.dispose]();
        subscriptions.add((late) => late.push("d"));
      }
      callback(log);
    }
    expect(log).toEqual(["a", "c"]);
    expect(run()).toEqual(["d"]);
  });

  test("keeps the callbacks that were not reached when the loop ends early", () => {
    const { subscriptions, run } = subscriptionsOf("a", "b", "c");
    for (const _callback of subscriptions.takeAll()) break;
    expect(run()).toEqual(["b", "c"]);
  });
});
