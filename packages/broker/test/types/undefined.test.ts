// Arguments that are undefined: not sent at the end, so that defaults apply, and None elsewhere.

import { afterAll, expect, test } from "vitest";
import { asLocal, kwargs, Root } from "@pb/broker";
import type { Reference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";

class Greeter extends Root {
  static readonly parameters = { named: ["name", "greeting?", "loud?"] };

  remote_greet(...args: unknown[]): number {
    return args.length;
  }
  remote_default(name = "you", times: number | null = 1): string {
    return `${name} ${String(times)}`;
  }
  remote_named(name: string, greeting = "Hello", loud = false): string {
    return `${greeting} ${name} ${loud}`;
  }
  remote_show(...args: unknown[]): unknown[] {
    return args.map((arg) => (arg === undefined ? "undefined" : arg));
  }
}

const pair = await connectedPair({ root: new Greeter() });
afterAll(() => pair.close());
const ways: [string, Reference][] = [
  ["over a connection", await pair.client.getRootObject()],
  ["locally", asLocal(new Greeter())],
  ["locally with copies", asLocal(new Greeter(), { copy: {} })],
];

test.each(ways)("%s, undefined at the end is not sent", async (_name, greeter) => {
  expect(await greeter.callRemote("greet", "Ann", undefined)).toBe(1);
  expect(await greeter.callRemote("greet", undefined, undefined)).toBe(0);
  expect(await greeter.callRemote("default", undefined)).toBe("you 1");
  expect(await greeter.callRemote("default", "Ann", undefined)).toBe("Ann 1");
  expect(await greeter.with({ timeoutMs: 60_000 }).callRemote("default", "Ann", undefined)).toBe("Ann 1");
  expect(await greeter.call.default!("Ann", undefined)).toBe("Ann 1");
});

test.each(ways)("%s, undefined is not sent before keywords, or as a keyword", async (_name, greeter) => {
  expect(await greeter.callRemote("named", "Ann", undefined, kwargs({ loud: true }))).toBe("Hello Ann true");
  expect(await greeter.callRemote("named", "Ann", kwargs({ greeting: undefined, loud: true }))).toBe("Hello Ann true");
  expect(await greeter.callRemote("show", 1, kwargs({ nothing: undefined }))).toEqual([1]);
});

test.each(ways)("%s, null and an undefined before other arguments are None", async (_name, greeter) => {
  expect(await greeter.callRemote("show", 1, null)).toEqual([1, null]);
  expect(await greeter.callRemote("show", undefined, 2)).toEqual([null, 2]);
  expect(await greeter.callRemote("default", "Ann", null)).toBe("Ann null");
});

test("undefined at the end is not on the wire", async () => {
  const before = pair.transcript().length;
  await ways[0]![1].callRemote("greet", "Ann", undefined, kwargs({ loud: undefined }));
  expect(pair.transcript(before)[0]).toContain("(tuple (unicode Ann)) (dictionary)");
});
