import { PBError, Root } from "@pb/broker";
import { withDefaultWatcher } from "@pb/transport";
import type { BrokerEvent, BrokerOptions } from "@pb/broker";
import { expect, test, vi } from "vitest";
import { connectTo, serve } from "./support/memory-network.js";

class Faulty extends Root {
  remote_fault(): unknown {
    throw new TypeError("the length of undefined");
  }
  remote_refuse(): never {
    throw new PBError("no");
  }
}

/** Calls a method with a bug and a method that throws on purpose, and returns the warnings. */
async function warningsOf(options?: BrokerOptions): Promise<string[]> {
  const warnings: string[] = [];
  const { network } = serve(new Faulty(), {
    broker: withDefaultWatcher(options, (message) => warnings.push(message)),
  });
  const root = await (await connectTo(network)).getRootObject<Faulty>();
  await expect(root.callRemote("fault")).rejects.toThrow("(message withheld)");
  await expect(root.callRemote("refuse")).rejects.toThrow("no");
  return warnings;
}

test("warns of an error in a method, with its stack, and not of an error that was thrown on purpose", async () => {
  const warnings = await warningsOf();
  expect(warnings.map((message) => message.split("\n")[0])).toEqual([
    "The remote method fault failed: TypeError: the length of undefined",
  ]);
  expect(warnings[0]).toMatch(/at (Faulty\.)?remote_fault/);
});

test("warns if `onEvent` is given as undefined", async () => {
  expect(await warningsOf({ onEvent: undefined })).toHaveLength(1);
});

test("does not warn if the program observes events itself", async () => {
  const events: BrokerEvent[] = [];
  expect(await warningsOf({ onEvent: (event) => events.push(event) })).toEqual([]);
  expect(events.map(({ kind }) => kind)).toEqual(["method-failed"]);
});

test("a message that was changed after its error was created cannot forge lines", () => {
  const warnings: string[] = [];
  const watcher = withDefaultWatcher<BrokerOptions>({}, (message) => warnings.push(message)).onEvent!;
  const error = new Error("no user x\n    at root logged in \u001b[2K");
  expect(error.stack).toContain("no user x\n");
  error.message = `Cannot log in: ${error.message}`;
  watcher({ kind: "method-failed", method: "find", error });
  expect(warnings).toEqual([
    "The remote method find failed: Error: Cannot log in: no user x\\n    at root logged in \\x1b[2K",
  ]);
});

test("warns of few errors at a time, and tells how many it has omitted", () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  try {
    const warnings: string[] = [];
    const watcher = withDefaultWatcher<BrokerOptions>({}, (message) => warnings.push(message)).onEvent!;
    const fail = () => watcher({ kind: "method-failed", method: "find", error: new TypeError("no") });
    for (let call = 0; call < 10_000; call++) fail();
    expect(warnings).toHaveLength(20);
    expect(warnings.at(-1)).not.toContain("omitted");
    vi.advanceTimersByTime(1_000);
    fail();
    fail();
    expect(warnings).toHaveLength(21);
    expect(warnings.at(-1)).toMatch(/\n\(9980 warnings before this one were omitted\)$/);
    vi.advanceTimersByTime(3_600_000);
    for (let call = 0; call < 100; call++) fail();
    expect(warnings).toHaveLength(41);
    expect(warnings.join("\n").length).toBeLessThan(100_000);
  } finally {
    vi.useRealTimers();
  }
});

test("escapes and cuts the message of an error, which may contain text of the peer, and keeps its stack", () => {
  const warnings: string[] = [];
  const watcher = withDefaultWatcher<BrokerOptions>({}, (message) => warnings.push(message)).onEvent!;
  const name = "x\n    at forged (line:1:1)\n\u001b[2Kroot logged in";
  watcher({ kind: "method-failed", method: "find", error: new RangeError(`No item ${name.padEnd(100_000)}`) });
  watcher({ kind: "callback-failed", error: name });
  expect(warnings.join("\n")).not.toMatch(/[^\P{Cc}\n]|^\s*at forged|^root/mu);
  expect(warnings[0]).toMatch(
    /^The remote method find failed: RangeError: No item x\\n {4}at forged.*characters\)\n +at /,
  );
  expect(warnings[0]!.length).toBeLessThan(5_000);
});

test("a method that throws what a peer has sent does not end the process", () => {
  const warnings: string[] = [];
  const withoutText = Object.assign(Object.create(null) as object, { toString: 1 });
  const properties = [{ message: withoutText, stack: 4 }, { name: withoutText }, { stack: 4 }];
  // Bun makes the text of the stack when something is assigned first.
  const withStack = (error: Error): Error => (error.stack === undefined ? error : error);
  const errors = [
    withoutText,
    [withoutText],
    ...properties.map((own) => Object.assign(withStack(new Error("x")), own)),
  ];
  const watcher = withDefaultWatcher<BrokerOptions>({}, (message) => warnings.push(message)).onEvent!;
  for (const error of errors) watcher({ kind: "method-failed", method: "find", error });
  const unprintable = "The remote method find failed: a value that cannot be printed";
  expect(warnings).toEqual([...Array<string>(4).fill(unprintable), "The remote method find failed: Error: x"]);
});
