// What programs, engines and libraries do with any object, beyond what remote-calls.test.ts lists: on an object that
// stands for a remote one, it calls nothing and breaks nothing.

/* eslint-disable @typescript-eslint/no-base-to-string, @typescript-eslint/no-confusing-void-expression,
   @typescript-eslint/no-unnecessary-condition, @typescript-eslint/only-throw-error,
   @typescript-eslint/await-thenable -- such uses are what the tests are about */

import { Console } from "node:console";
import { Writable } from "node:stream";
import { debuglog, inspect, stripVTControlCharacters, types } from "node:util";
import { serialize } from "node:v8";
import { MessageChannel } from "node:worker_threads";
import { expect } from "vitest";

/** A use fails when it throws. What it returns does not matter. */
type Use = readonly [name: string, use: (object: object) => unknown];

const sink = new Writable({ write: (_chunk, _encoding, done) => done() });
const terminal = new Console(sink);

/** For what no object with methods can pass: it must say so, and call nothing. */
function cannotBeCloned(copy: () => unknown): void {
  try {
    copy();
  } catch (error) {
    expect(String(error)).toMatch(/could not be cloned/);
  }
}

const uses: readonly Use[] = [
  ["console.table", (object) => terminal.table([object, { object }])],
  ["console.dir", (object) => terminal.dir(object, { depth: null, showHidden: true, colors: true })],
  [
    "console.assert, group and count",
    (object) => [terminal.assert(false, "%o", object), terminal.count(String(object))],
  ],
  ["a debug log", (object) => debuglog("pb")("%o", object)],
  ["util.inspect, sorted", (object) => inspect(object, { sorted: true, compact: false, breakLength: 1 })],
  ["util.inspect without custom functions", (object) => inspect(object, { customInspect: false, depth: Infinity })],
  ["util.inspect in a Map", (object) => inspect(new Map([[object, { deep: { deeper: object } }]]), { depth: 9 })],
  ["util.inspect, of which colors are taken", (object) => stripVTControlCharacters(inspect(object, { colors: true }))],
  ["the types of util", (object) => [types.isPromise(object), types.isProxy(object), types.isDate(object)]],
  ["JSON.stringify with a replacer", (object) => JSON.stringify({ object }, (_key, value: unknown) => value, 2)],
  ["has", (object) => ["then", "toJSON", "nothing", Symbol.iterator, "0"].map((key) => key in object)],
  ["hasOwn", (object) => ["then", "length", "remote_x"].map((key) => Object.hasOwn(object, key))],
  ["descriptors", (object) => [Object.getOwnPropertyDescriptors(object), Object.getPrototypeOf(object)]],
  ["is frozen, sealed, extensible", (object) => [Object.isFrozen(object), Object.isExtensible(object)]],
  [
    "Object.is and indexOf",
    (object) => expect([Object.is(object, object), [object].indexOf(object)]).toEqual([true, 0]),
  ],
  ["sorting", (object) => [object, object].toSorted()],
  ["Array.prototype.flat and join", (object) => [[[object]].flat(2), [object, 1].join()]],
  ["the default of a switch", (object) => [typeof object, !object, object ?? 1]],
  ["a property key", (object) => ({ [object as unknown as string]: 1 })],
  ["parseInt and isNaN", (object) => [parseInt(object as unknown as string), isNaN(object as unknown as number)]],
  ["a date and a URL", (object) => [new Date(object as never), encodeURIComponent(object as never)]],
  ["text of an error", (object) => new Error(object as unknown as string).message],
  ["a thrown value", (object) => expect(() => { throw object; }).toThrow()], // prettier-ignore
  ["an aggregate error", (object) => inspect(new AggregateError([object], "several"))],
  ["Promise.race and any", (object) => Promise.all([Promise.race([[object]]), Promise.any([[object]])])],
  ["an async function that returns it in a list", async (object) => expect((await (async () => [object])())[0]).toBe(object)], // prettier-ignore
  ["WeakMap, WeakSet, WeakRef", (object) => expect(new WeakRef(object).deref()).toBe(object)],
  ["FinalizationRegistry", (object) => new FinalizationRegistry(() => undefined).register(object, 1)],
  ["the detail of an event", (object) => new EventTarget().dispatchEvent(new CustomEvent("x", { detail: object }))],
  ["the reason of a signal", (object) => expect(AbortSignal.abort(object).reason).toBe(object)],
  ["structuredClone in a Map", (object) => cannotBeCloned(() => structuredClone(new Map([[1, object]])))],
  ["v8.serialize", (object) => cannotBeCloned(() => serialize({ object }))],
  [
    "postMessage",
    (object) => {
      const { port1, port2 } = new MessageChannel();
      cannotBeCloned(() => port1.postMessage({ object }));
      port1.close();
      port2.close();
    },
  ],
  ["toHaveProperty", (object) => expect({ a: { object } }).toHaveProperty("a.object", object)],
  ["toContain and toContainEqual", (object) => [expect([object]).toContain(object), expect([object]).toContainEqual(object)]], // prettier-ignore
  ["chai's eql", (object) => expect([object]).to.eql([object])],
  ["a diff of a failed matcher", (object) => expect(() => expect([object]).toStrictEqual([{ a: 1 }])).toThrow()],
  ["toThrow with it", (object) => expect(() => expect(object).toBeNull()).toThrow()],
];

/** Does all of that with an object. The error of a use names it. */
export async function useInAllWays(object: object): Promise<void> {
  for (const [name, use] of uses) {
    try {
      await use(object);
    } catch (error) {
      throw new Error(`${name} failed`, { cause: error });
    }
  }
}
