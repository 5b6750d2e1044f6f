// Calls with a timeout or an abort signal.

import { beforeAll, describe, expect, test } from "vitest";
import { CallTimeoutError } from "@pb/broker";
import { garbageCollector } from "../../../../tools/gc/garbage-collector.js";
import { rejection } from "../support/raw-peer.js";
import { open } from "../support/desk.js";

beforeAll(() => void garbageCollector());

describe("a call with a deadline", () => {
  test("rejects after the timeout, while the method keeps running, and discards the late answer", async () => {
    const { desk, root, pair } = await open();
    const error = await rejection(desk.with({ timeoutMs: 5 }).callRemote("later"));
    expect(error).toBeInstanceOf(CallTimeoutError);
    expect((error as Error).message).toBe("later was not answered within 5 ms");
    expect(pair.client.stats().callsWaiting).toBe(1);
    root.waiting[0]!("late");
    await pair.expectNothingLeft();
    expect(await desk.callRemote("echo", "fine")).toBe("fine");
  });

  test("discards a late error too", async () => {
    const { desk, pair, root } = await open();
    await rejection(desk.with({ timeoutMs: 5 }).callRemote("later"));
    root.waiting[0]!(Promise.reject(new Error("late")));
    await pair.expectNothingLeft();
    expect(pair.client.isOpen).toBe(true);
  });

  test("rejects with the reason of a signal that aborts", async () => {
    const { desk, pair, root } = await open();
    const controller = new AbortController();
    const call = rejection(desk.with({ signal: controller.signal }).callRemote("later"));
    await pair.settled();
    const reason = new Error("the user canceled");
    controller.abort(reason);
    expect(await call).toBe(reason);
    root.waiting[0]!("late");
    await pair.expectNothingLeft();
  });

  test("sends nothing if its signal has already aborted", async () => {
    const { desk, pair } = await open();
    const before = pair.transcript().length;
    const reason = new Error("already canceled");
    expect(await rejection(desk.with({ signal: AbortSignal.abort(reason) }).callRemote("echo", 1))).toBe(reason);
    expect(pair.transcript(before)).toEqual([]);
    await pair.expectNothingLeft();
  });

  test("rejects with the reason of a signal that aborts while the arguments are written", async () => {
    const { desk, pair, root } = await open();
    const controller = new AbortController();
    const reason = new Error("canceled by a getter");
    const argument = {
      get state(): string {
        controller.abort(reason);
        return "too late";
      },
    };
    const call = rejection(desk.with({ signal: controller.signal }).callRemote("later" as "echo", argument));
    await pair.settled();
    expect(await call).toBe(reason);
    root.waiting[0]!("late");
    await pair.expectNothingLeft();
  });

  test("resolves if the answer arrives first", async () => {
    const { desk, pair } = await open();
    const controller = new AbortController();
    const options = { signal: controller.signal, timeoutMs: 60_000 };
    expect(await desk.with(options).callRemote("echo", 1)).toBe(1);
    controller.abort();
    expect(await desk.with({}).callRemote("echo", 2)).toBe(2);
    await pair.expectNothingLeft();
  });

  test.each([Infinity, 2 ** 31, 1e12])(
    "accepts a timeout of %s ms, which is longer than a timer can be",
    async (timeoutMs) => {
      const { desk, root, pair } = await open();
      const call = desk.with({ timeoutMs }).callRemote("later");
      await pair.settled();
      await new Promise((resolve) => setTimeout(resolve, 20));
      root.waiting[0]!("in time");
      expect(await call).toBe("in time");
    },
  );
});
