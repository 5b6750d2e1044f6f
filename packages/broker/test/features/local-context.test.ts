// What a method knows about its call, and calls to results that have not arrived: the same locally, over a connection
// within the process, and over a connection.

import { AsyncLocalStorage } from "node:async_hooks";
import { asLocal, Avatar, callContext, CallTimeoutError, PBError, Referenceable, Root } from "@pb/broker";
import type { BrokerEvent, CallContext, Reference, RemoteError } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { rejection, settled } from "../support/raw-peer.js";

const TRACE = `00-${"a1".repeat(16)}-${"b2".repeat(8)}-01`;
const user = new AsyncLocalStorage<string>();

class Shelf extends Referenceable {
  remote_count(): number {
    return 42;
  }
}

class Desk extends Root {
  readonly contexts: CallContext[] = [];
  readonly gates: (() => void)[] = [];
  next: Reference<Desk> | undefined;

  remote_now(): void {
    this.contexts.push(callContext());
  }
  async remote_watch(): Promise<void> {
    const { signal } = callContext();
    this.contexts.push(callContext());
    await new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason as Error));
    });
  }
  async remote_keepsContext(): Promise<boolean> {
    const context = callContext();
    await new Promise<void>((resolve) => this.gates.push(resolve));
    return callContext() === context;
  }
  remote_enter(name: string): string | undefined {
    const before = user.getStore();
    user.enterWith(name);
    return before;
  }
  async remote_forward(): Promise<void> {
    await settled();
    this.next!.sendRemote("now");
    await this.next!.callRemote("now");
  }
  remote_shelf(): Shelf {
    return new Shelf();
  }
  remote_fail(): never {
    throw new PBError("no shelf");
  }
  remote_number(): number {
    return 1;
  }
}

interface Way {
  readonly desk: Desk;
  readonly reference: Reference<Desk>;
  readonly events: BrokerEvent[];
}

const ways: Record<string, () => Promise<Way>> = {
  async "over a connection"() {
    const [desk, events] = [new Desk(), [] as BrokerEvent[]];
    const pair = await connectedPair({ root: desk, onEvent: (event) => events.push(event) });
    onTestFinished(() => pair.close());
    return { desk, events, reference: await pair.client.getRootObject<Desk>() };
  },
  async locally() {
    const [desk, events] = [new Desk(), [] as BrokerEvent[]];
    return { desk, events, reference: asLocal(desk, { onEvent: (event) => events.push(event) }) };
  },
  async "over a connection within the process"() {
    const [desk, events] = [new Desk(), [] as BrokerEvent[]];
    const reference = asLocal(desk, { copy: {}, onEvent: (event) => events.push(event) });
    onTestFinished(() => reference[Symbol.dispose]());
    return { desk, events, reference };
  },
};

describe.each(Object.keys(ways))("%s", (name) => {
  const open = ways[name]!;

  test("callContext gives the deadline, the trace and the connection of the call", async () => {
    const { desk, reference } = await open();
    const before = performance.now();
    await reference.callRemote("now");
    await reference.with({ timeoutMs: 60_000, traceparent: TRACE, tracestate: "a=1" }).callRemote("now");
    await reference.with({ timeoutMs: Infinity }).callRemote("now");
    const [plain, full, never] = desk.contexts;
    expect(plain).toMatchObject({ deadline: undefined, traceparent: undefined, perspective: null });
    expect(plain!.signal.aborted).toBe(false);
    expect(plain!.connection.peer.description).toEqual(expect.any(String));
    expect(full).toMatchObject({ traceparent: TRACE, tracestate: "a=1" });
    expect(full!.deadline).toBeGreaterThanOrEqual(before + 60_000);
    expect(full!.deadline).toBeLessThanOrEqual(performance.now() + 60_000);
    expect(never!.deadline).toBeUndefined();
    await reference.with({ traceparent: `01${TRACE.slice(2)}-more` }).callRemote("now");
    expect(desk.contexts.at(-1)).toMatchObject({ traceparent: TRACE, tracestate: undefined });
    expect(() => callContext()).toThrow(TypeError);
  });

  test("the signal aborts when the caller has gone, and the method that fails for that reason is not reported", async () => {
    const { desk, reference, events } = await open();
    const controller = new AbortController();
    const canceled = rejection(reference.with({ signal: controller.signal }).callRemote("watch"));
    await expect.poll(() => desk.contexts.length).toBe(1);
    controller.abort(new Error("not needed"));
    expect(await canceled).toEqual(new Error("not needed"));
    const over = await rejection(reference.with({ timeoutMs: 5 }).callRemote("watch"));
    expect(over).toBeInstanceOf(CallTimeoutError);
    await expect.poll(() => desk.contexts.map(({ signal }) => signal.aborted)).toEqual([true, true]);
    expect((desk.contexts[0]!.signal.reason as Error).message).toBe("The caller has canceled the call");
    await settled();
    expect(events.filter(({ kind }) => kind === "method-failed")).toEqual([]);
  });

  test("a deadline that the method notices before the caller ends the call in the same way", async () => {
    const { reference } = await open();
    const over = rejection(reference.with({ timeoutMs: 30 }).callRemote("watch"));
    const now = performance.now.bind(performance);
    const clock = vi.spyOn(performance, "now").mockImplementation(() => now() + 25);
    onTestFinished(() => clock.mockRestore());
    expect(await over).toEqual(new CallTimeoutError("watch was not answered within 30 ms"));
  });

  test("calls that run at the same time have their own contexts, and what a method enters ends with it", async () => {
    const { desk, reference } = await open();
    const answers = [1, 2, 3].map(() => reference.callRemote("keepsContext"));
    await expect.poll(() => desk.gates.length).toBe(3);
    for (const open of desk.gates.reverse()) open();
    expect(await Promise.all(answers)).toEqual([true, true, true]);
    const before = await Promise.all(["a", "b", "c"].map((each) => reference.callRemote("enter", each)));
    expect(before.map((each) => each ?? null)).toEqual([null, null, null]);
    expect(user.getStore()).toBeUndefined();
  });

  test("calls that a method makes pass on its trace, and the time that is left", async () => {
    const first = await open();
    const second = await open();
    first.desk.next = second.reference;
    await first.reference.with({ timeoutMs: 60_000, traceparent: TRACE }).callRemote("forward");
    expect(second.desk.contexts.map(({ traceparent }) => traceparent)).toEqual([TRACE, TRACE]);
    const [oneWay, call] = second.desk.contexts.map(({ deadline }) => deadline);
    expect(oneWay).toBeUndefined();
    expect(call! - performance.now()).toBeLessThanOrEqual(60_000);
  });

  test("results can be called before they have arrived, with the same errors", async () => {
    const { reference } = await open();
    expect(await reference.pipe("shelf").call.count()).toBe(42);
    expect(await reference.with({ timeoutMs: 60_000 }).pipe("shelf").callRemote("count")).toBe(42);
    const untyped = reference as unknown as Reference;
    const errors = await Promise.all([
      rejection(untyped.pipe("fail").callRemote("count")),
      rejection(untyped.pipe("number").callRemote("count")),
    ]);
    expect(errors.map((error) => (error as RemoteError).remoteType)).toEqual([
      "pbx.DependencyFailed",
      "pbx.NotAReference",
    ]);
    expect((errors[0] as RemoteError).cause).toMatchObject({ message: "no shelf" });
  });
});

test("the perspective of a local call is the avatar that is called", async () => {
  class Member extends Avatar {
    perspective_who(): boolean {
      return callContext().perspective === this;
    }
  }
  expect(await asLocal(new Member()).callRemote("who")).toBe(true);
});

test("a local call that is canceled before its turn starts with an aborted signal, as one that was sent", async () => {
  const desk = new Desk();
  const controller = new AbortController();
  const call = rejection(asLocal(desk).with({ signal: controller.signal }).callRemote("now"));
  controller.abort(new Error("gone"));
  expect(await call).toEqual(new Error("gone"));
  await settled();
  expect(desk.contexts.map(({ signal }) => signal.aborted)).toEqual([true]);
});
