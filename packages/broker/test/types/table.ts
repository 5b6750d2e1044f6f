// The values that can be sent, and the types with which they arrive. The compiler checks each row, and
// `table.test.ts` sends its value, so that the types and the behavior cannot disagree.

/* eslint-disable @typescript-eslint/no-unnecessary-type-assertion, @typescript-eslint/no-unnecessary-type-parameters --
   the type of the expected value is what a row is about */

import { Referenceable } from "@pb/broker";
import type { RemoteReference, RemoteStream } from "@pb/broker";
import { CalendarDate, DateTime, Decimal, Float, FrozenSet, TimeDelta, TimeOfDay, tuple } from "@pb/jelly-types";
import { Readable } from "node:stream";
import { expect } from "vitest";

interface Giver<T> {
  give(): T;
}
interface Taker<P> {
  take(value: P): void;
}

/** What a caller of a method that returns `T` receives, and what it passes for a parameter of type `P`. */
type Arriving<T> = RemoteReference<Giver<T>>["call"]["give"] extends () => Promise<infer Result> ? Result : never;
type Argument<P> = RemoteReference<Taker<P>>["call"]["take"] extends (value: infer Value, ...kwargs: never) => unknown
  ? Value
  : never;

/** Nothing to pass if the types are the same. */
type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? [] : ["these types differ", A, B];

/** One value, and what the other end receives. */
export interface Row {
  readonly name: string;
  /** Makes the value. */
  readonly send: () => unknown;
  readonly expected: unknown;
  /** Whether it cannot be sent. */
  readonly isRefused?: boolean;
  /** Whether it is the result of a method or an argument of a call. */
  readonly direction: "result" | "argument";
}

function result<T, E>(name: string, send: () => T, expected: E, ..._same: Same<E, Arriving<T>>): Row {
  return { name, send, expected, direction: "result" };
}

/** A result that does not compile. */
function refusedResult<T>(name: string, send: () => T & (Arriving<T> extends never ? unknown : "it compiles")): Row {
  return { name, send, expected: undefined, isRefused: true, direction: "result" };
}

/** `argument<P>()(…)`: an argument for a parameter of type `P`, which receives `expected`. */
function argument<P>(): (name: string, send: () => Argument<P>, expected: P) => Row {
  return (name, send, expected) => ({ name, send, expected, direction: "argument" });
}

/** A value that is of type `P`, does not compile as an argument for it, and arrives as another one or not at all. */
function notArgument<P>(): (
  name: string,
  send: () => P & (P extends Argument<P> ? "it compiles" : unknown),
  expected?: unknown,
) => Row {
  return (name, send, ...expected) => ({
    name,
    send,
    expected: expected[0],
    isRefused: expected.length === 0,
    direction: "argument",
  });
}

// Types with which the values in the table arrive.

export class Child extends Referenceable {
  remote_ping(): string {
    return "pong";
  }
}

/** The reference that the peer gets. The test compares the object that it calls. */
function aReference<T>(): RemoteReference<T> {
  return expect.objectContaining({ isAlive: true }) as RemoteReference<T>;
}

/** The stream that the peer gets. The test reads it. */
function aStream<Item>(): RemoteStream<Item> {
  return expect.objectContaining({ isAlive: true }) as RemoteStream<Item>;
}

async function* countToOne(): AsyncGenerator<number> {
  yield 1;
}

function record<Value>(entries: Record<string, Value>): Record<string, Value> {
  return entries;
}

class Point {
  constructor(
    readonly x: number,
    readonly y: number,
  ) {}
}

abstract class Animal extends Referenceable {
  readonly #answer = "pong";
  remote_ping(): string {
    return this.#answer;
  }
  remote_self(): this {
    return this;
  }
}
class Dog extends Animal {}

export const child = new Child();
const dog = new Dog();
const when = new Date(Date.UTC(2026, 10, 27, 21, 45));
const arrived = new DateTime(2026, 11, 27, 21, 45);
const bytes = (...values: number[]): Uint8Array => new Uint8Array(values);

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
type Dated = Date | Dated[];
type Pairs = Date | [Pairs, Pairs];
type ArrivedPairs = DateTime | [ArrivedPairs, ArrivedPairs];
interface Tree {
  readonly at: Date;
  readonly children: Tree[];
}
interface ArrivedTree {
  readonly at: DateTime;
  readonly children: ArrivedTree[];
}
type ArrivedDates = DateTime | ArrivedDates[];
type Lisp = number | [string, Lisp, Lisp];
interface Chain {
  readonly at: Date;
  readonly next: Chain | null;
}
interface ArrivedChain {
  readonly at: DateTime;
  readonly next: ArrivedChain | null;
}
type UserId = string & { readonly __brand: "UserId" };
enum Color {
  Red = "red",
  Blue = "blue",
}
enum Level {
  Low,
  High,
}
type Shape = { kind: "circle"; at: Date } | { kind: "square"; side: number };
type ArrivedShape = { kind: "circle"; at: DateTime } | { kind: "square"; side: number };
interface Page<T> {
  readonly items: readonly T[];
  readonly next?: number;
}

export const rows: readonly Row[] = [
  // Results that arrive as they are.
  result("text", () => "häß", "häß" as string),
  result("a number", () => 1.5, 1.5 as number),
  result("a boolean", () => true, true as boolean),
  result("null", () => null, null),
  result("a literal", () => "on" as const, "on" as const),
  result("bytes", () => bytes(1, 2), bytes(1, 2)),
  result("a list", () => [1, 2], [1, 2]),
  result("a readonly list", (): readonly string[] => ["a"], ["a"] as readonly string[]),
  result("a pair", (): [number, string] => [1, "a"], [1, "a"] as [number, string]),
  result("plain data", () => ({ id: 1, tags: ["a"] }), { id: 1, tags: ["a"] }),
  result("a set", () => new Set([1, 2]), new Set([1, 2])),
  result("a frozenset", () => new FrozenSet(["a"]), new FrozenSet(["a"])),
  result("a Map with numbers as keys", () => new Map([[1, "a"]]), new Map([[1, "a"]])),
  result("a Python tuple", () => tuple(1, "a"), tuple(1, "a")),
  result("a DateTime", () => arrived, arrived),
  result("a CalendarDate", () => new CalendarDate(2026, 1, 2), new CalendarDate(2026, 1, 2)),
  result("a TimeOfDay", () => new TimeOfDay(1, 2, 3), new TimeOfDay(1, 2, 3)),
  result("a TimeDelta", () => new TimeDelta(1, 2, 3), new TimeDelta(1, 2, 3)),
  result("a Decimal", () => new Decimal(5), new Decimal(5)),
  result("JSON", (): Json => [{ a: [1, "b", null] }], [{ a: [1, "b", null] }] as Json),
  result("a recursive tuple", (): Lisp => ["+", 1, ["-", 2, 3]], ["+", 1, ["-", 2, 3]] as Lisp),
  result("unknown", (): unknown => "anything", "anything" as unknown),

  // Results that change.
  result("undefined", () => undefined, null),
  result("nothing", () => {}, null),
  result("undefined or text", (): string | undefined => undefined, null as string | null),
  result("undefined in a list", (): (number | undefined)[] => [1, undefined], [1, null] as (number | null)[]),
  result("a small bigint", () => 5n, 5 as number | bigint),
  result("a large bigint", () => 2n ** 70n, (2n ** 70n) as number | bigint),
  result("a bigint in plain data", () => ({ id: 5n }), { id: 5 as number | bigint }),
  result("a Float", () => new Float(2), 2 as number),
  result("a Date", () => when, arrived),
  result("a Date in a list", () => [when], [arrived]),
  result("a Date in plain data", () => ({ at: when }), { at: arrived }),
  result("a Date in a set", () => new Set([when]), new Set([arrived])),
  result("a Date in a frozenset", () => new FrozenSet([when]), new FrozenSet([arrived])),
  result("a Date in a tuple", (): [Date, number] => [when, 1], [arrived, 1] as [DateTime, number]),
  result("a Date in an interface", (): Tree => ({ at: when, children: [{ at: when, children: [] }] }), {
    at: arrived,
    children: [{ at: arrived, children: [] }],
  } as ArrivedTree),
  result("Dates in recursive lists", (): Dated => [when, [when]], [arrived, [arrived]] as ArrivedDates),
  result("Dates in recursive pairs", (): Pairs => [when, [when, when]], [arrived, [arrived, arrived]] as ArrivedPairs),
  result("a Map with text keys", () => new Map([["a", 1]]), record({ a: 1 })),
  result("a Map with text keys to Dates", () => new Map([["a", when]]), record({ a: arrived })),
  result("a Map with numbers as keys to Dates", () => new Map([[1, when]]), new Map([[1, arrived]])),
  result("a Map with mixed keys", () => new Map<string | number, boolean>([["a", true]]), { a: true } as
    Map<string | number, boolean> | Record<string, boolean>),
  result("a Buffer", () => Buffer.from("hi"), bytes(104, 105)),
  result("a Buffer in plain data", () => ({ data: Buffer.from("hi") }), { data: bytes(104, 105) }),
  result("an ArrayBuffer", () => new Uint8Array([1, 2]).buffer, bytes(1, 2)),
  result("a symbol as key", () => ({ a: 1, [Symbol.iterator]: 2 }), { a: 1 }),

  // Results of other kinds.
  result("plain data named like a Float", (): { value: number; at: Date } => ({ value: 1, at: when }), {
    value: 1,
    at: arrived,
  } as { value: number; at: DateTime }),
  result(
    "plain data named like an unpersistable object",
    (): { reason: string; at: Date } => ({ reason: "a", at: when }),
    {
      reason: "a",
      at: arrived,
    } as { reason: string; at: DateTime },
  ),
  result("plain data named like an unknown copy", (): { name: string; state: Date } => ({ name: "a", state: when }), {
    name: "a",
    state: arrived,
  } as { name: string; state: DateTime }),
  result("a branded text", (): UserId => "u1" as UserId, "u1" as UserId),
  result("an enum of text", (): Color => Color.Red, Color.Red as Color),
  result("an enum of numbers", (): Level => Level.High, Level.High as Level),
  result("a template literal", (): `id-${number}` => "id-1", "id-1" as `id-${number}`),
  result("a readonly tuple", (): readonly [Date, string] => [when, "a"], [arrived, "a"] as readonly [DateTime, string]),
  result("a readonly list of Dates", (): readonly Date[] => [when], [arrived] as readonly DateTime[]),
  result("a constant", () => ({ kind: "on", list: [1, 2] }) as const, { kind: "on", list: [1, 2] } as {
    readonly kind: "on";
    readonly list: readonly [1, 2];
  }),
  result("a tuple with an optional item", (): [number, Date?] => [1, when], [1, arrived] as [
    number,
    (DateTime | null)?,
  ]),
  result("a tuple with a rest", (): [string, ...Date[]] => ["a", when], ["a", arrived] as [string, ...DateTime[]]),
  result("a union of plain data", (): Shape => ({ kind: "circle", at: when }), {
    kind: "circle",
    at: arrived,
  } as ArrivedShape),
  result("an object or text", (): Child | string => child, aReference<Child>() as RemoteReference<Child> | string),
  result("an object, a list of them, or null", (): Child | Child[] | null => [child], [aReference<Child>()] as
    RemoteReference<Child> | RemoteReference<Child>[] | null),
  result("an object of an abstract class", (): Animal => dog, aReference<Animal>()),
  result("an object with private members", () => [dog], [aReference<Dog>()]),
  result("a chain", (): Chain => ({ at: when, next: { at: when, next: null } }), {
    at: arrived,
    next: { at: arrived, next: null },
  } as ArrivedChain),
  result("a generic interface of Dates", (): Page<Date> => ({ items: [when] }), { items: [arrived] } as {
    readonly items: readonly DateTime[];
    readonly next?: number | null;
  }),
  result("an optional property", (): { at?: Date } => ({}), {} as { at?: DateTime | null }),
  result("a record of references", (): Record<string, Child> => ({ a: child }), record({ a: aReference<Child>() })),
  result("a Python tuple of Dates", () => tuple(when, 1), tuple(arrived, 1)),
  result("a set of bigints", () => new Set([5n]), new Set<number | bigint>([5])),
  result("nothing or a Date", (): Date | undefined => undefined, null as DateTime | null),
  result("a promise or text", (): Promise<Date> | string => "a", "a" as DateTime | string),
  result("a promise for nothing", () => Promise.resolve(), null),
  result("a promise for undefined or bigints", (): Promise<bigint[] | undefined> => Promise.resolve([5n]), [5] as
    (number | bigint)[] | null),
  result("a nested Map", () => new Map([["a", new Map([[1, when]])]]), record({ a: new Map([[1, arrived]]) })),
  result("lists of lists", () => [[[when]]], [[[arrived]]]),

  // References in results.
  result("an object", () => child, aReference<Child>()),
  result("objects in a list", () => [child], [aReference<Child>()]),
  result("an object in a set", () => new Set([child]), new Set([aReference<Child>()])),
  result("an object in a frozenset", () => new FrozenSet([child]), new FrozenSet([aReference<Child>()])),
  result("an object as the key of a Map", () => new Map([[child, 1]]), new Map([[aReference<Child>(), 1]])),
  result("an object in a Map", () => new Map([["a", child]]), record({ a: aReference<Child>() })),
  result("an object in a tuple", (): [Child, number] => [child, 1], [aReference<Child>(), 1] as [
    RemoteReference<Child>,
    number,
  ]),
  result("an object or null", (): Child | null => child, aReference<Child>() as RemoteReference<Child> | null),

  // Promises in results.
  result("a promise", () => Promise.resolve(1), 1 as number),
  result("a promise for a Date", () => Promise.resolve(when), arrived),
  result("promises in a list", () => [Promise.resolve("a")], ["a"] as string[]),
  result("a promise in plain data", () => ({ later: Promise.resolve(when) }), { later: arrived }),
  result("a promise for promises", () => Promise.resolve([Promise.resolve(1)]), [1] as number[]),
  result("a promise in a Map", () => new Map([["a", Promise.resolve(1)]]), record({ a: 1 as number })),
  result("a promise in a set", () => new Set([Promise.resolve(1)]), new Set([1 as number])),
  result("a promise for an object", () => [Promise.resolve(child)], [aReference<Child>()]),

  // Results that cannot be sent.
  refusedResult("a function", () => () => 1),
  refusedResult("a class", () => Point),
  refusedResult("a function in plain data", () => ({ id: 1, close: () => undefined })),
  refusedResult("a function or null", (): (() => void) | null => () => undefined),
  refusedResult("a class in a list", () => [Point]),
  refusedResult("a RegExp in a readonly list", (): readonly RegExp[] => [/a/]),
  refusedResult("a URL in a tuple", (): [number, URL] => [1, new URL("pb://localhost")]),
  refusedResult("a URL as a value of a record", (): Record<string, URL> => ({ a: new URL("pb://localhost") })),
  refusedResult("a symbol in a set", () => new Set([Symbol("s")])),
  refusedResult("a promise for a list of functions", () => Promise.resolve([() => 1])),
  refusedResult("a method in a union of plain data", (): { a: 1 } | { b: () => void } => ({ b: () => undefined })),
  refusedResult("a Uint16Array in a Map", () => new Map([[1, new Uint16Array(1)]])),
  refusedResult("a WeakSet", () => new WeakSet()),
  refusedResult("a symbol", () => Symbol("s")),
  refusedResult("a Float64Array", () => new Float64Array([1])),
  refusedResult("an Int16Array in a list", () => [new Int16Array([1])]),
  refusedResult("a DataView", () => new DataView(new ArrayBuffer(1))),
  refusedResult("a SharedArrayBuffer", () => new SharedArrayBuffer(1)),
  refusedResult("a URL", () => new URL("pb://localhost")),
  refusedResult("a URL in plain data", () => ({ links: { home: new URL("pb://localhost") } })),
  refusedResult("a URLSearchParams", () => new URLSearchParams("a=1")),
  refusedResult("a promise for a URL", () => Promise.resolve(new URL("pb://localhost"))),
  refusedResult("a RegExp", () => /a/),
  refusedResult("an Error", () => new Error("no")),
  refusedResult("a TypeError in a list", () => [new TypeError("no")]),
  refusedResult("an AggregateError", () => new AggregateError([])),
  refusedResult("a WeakMap", () => new WeakMap<object, number>()),
  refusedResult("a WeakRef in a Map", () => new Map([["a", new WeakRef({})]])),
  refusedResult("a Blob", () => new Blob(["a"])),
  refusedResult("a Response", () => new Response("a")),
  refusedResult("an AbortSignal", () => new AbortController().signal),
  refusedResult("an EventTarget", () => new EventTarget()),
  result("a ReadableStream", () => new ReadableStream<Date>({ start: (it) => it.close() }), aStream<DateTime>()),
  result("a readable stream of Node", () => Readable.from(["a"]) as AsyncIterable<string>, aStream<string>()),
  result("an async generator", () => countToOne(), aStream<number>()),
  result("streams in plain data", () => ({ size: 1, all: countToOne() }), { size: 1, all: aStream<number>() }),
  refusedResult("a generator", function* () {
    yield 1;
  }),
  refusedResult("the iterator of a Map", () => new Map([[1, 2]]).entries()),
  refusedResult("a NumberFormat", () => new Intl.NumberFormat()),

  // Arguments, with the type of the parameter.
  argument<string>()("text", () => "a", "a"),
  argument<number>()("a number", () => 1.5, 1.5),
  argument<number | bigint>()("a small bigint", () => 5n, 5),
  argument<number | bigint>()("a large bigint", () => 2n ** 70n, 2n ** 70n),
  argument<DateTime>()("a Date", () => when, arrived),
  argument<DateTime>()("a DateTime", () => arrived, arrived),
  argument<DateTime[]>()("Dates in a list", () => [when], [arrived]),
  argument<{ at: DateTime }>()("a Date in plain data", () => ({ at: when }), { at: arrived }),
  argument<Set<DateTime>>()("a Date in a set", () => new Set([when]), new Set([arrived])),
  argument<Map<number, DateTime>>()("a Date in a Map", () => new Map([[1, when]]), new Map([[1, arrived]])),
  argument<Record<string, number>>()("a record", () => ({ a: 1 }), { a: 1 }),
  argument<Record<string, number>>()("a Map with text keys", () => new Map([["a", 1]]), { a: 1 }),
  argument<Record<string, DateTime>>()("a Map to Dates", () => new Map([["a", when]]), { a: arrived }),
  argument<Uint8Array>()("a Buffer", () => Buffer.from("hi"), bytes(104, 105)),
  argument<Uint8Array>()("an ArrayBuffer", () => new ArrayBuffer(2), bytes(0, 0)),
  argument<Json>()("JSON", () => ({ a: [1, { b: null }] }), { a: [1, { b: null }] }),
  argument<ArrivedTree>()("a tree", () => ({ at: when, children: [] }), { at: arrived, children: [] }),
  argument<ArrivedDates>()("Dates in recursive lists", () => [when, [when]], [arrived, [arrived]]),
  argument<RemoteReference<Child>>()("an object", () => child, aReference<Child>()),
  argument<RemoteReference<Child>[]>()("objects in a list", () => [child], [aReference<Child>()]),
  argument<Set<RemoteReference<Child>>>()("an object in a set", () => new Set([child]), new Set([aReference<Child>()])),
  argument<FrozenSet<RemoteReference<Child>>>()(
    "an object in a frozenset",
    () => new FrozenSet([child]),
    new FrozenSet([aReference<Child>()]),
  ),
  argument<Map<RemoteReference<Child>, number>>()(
    "an object as the key of a Map",
    () => new Map([[child, 1]]),
    new Map([[aReference<Child>(), 1]]),
  ),
  argument<RemoteReference<{ ping(): string }>>()("an object for an interface", () => child, aReference()),
  argument<UserId>()("a branded text", () => "u1" as UserId, "u1" as UserId),
  argument<Color>()("an enum of text", () => Color.Blue, Color.Blue),
  argument<Level>()("an enum of numbers", () => Level.High, Level.High),
  argument<`id-${number}`>()("a template literal", () => "id-1", "id-1"),
  argument<readonly [DateTime, string]>()("a readonly tuple", () => [when, "a"], [arrived, "a"]),
  argument<readonly DateTime[]>()("a readonly list of Dates", () => [when], [arrived]),
  argument<[number, DateTime?]>()("a tuple with an optional item", () => [1, when], [1, arrived]),
  argument<[string, ...DateTime[]]>()("a tuple with a rest", () => ["a", when], ["a", arrived]),
  argument<ArrivedShape>()("a union of plain data", () => ({ kind: "circle", at: when }), {
    kind: "circle",
    at: arrived,
  }),
  argument<RemoteReference<Child> | string>()("an object or text", () => child, aReference<Child>()),
  argument<RemoteReference<Child> | null>()("null for an object", () => null, null),
  argument<RemoteReference<Animal>>()("an object of an abstract class", () => dog, aReference<Animal>()),
  argument<ArrivedChain>()("a chain", () => ({ at: when, next: { at: when, next: null } }), {
    at: arrived,
    next: { at: arrived, next: null },
  }),
  argument<Page<DateTime>>()("a generic interface", () => ({ items: [when] }), { items: [arrived] }),
  argument<{ at?: DateTime }>()("an optional property", () => ({ at: when }), { at: arrived }),
  argument<Record<string, RemoteReference<Child>>>()(
    "a record of objects",
    () => ({ a: child }),
    record({ a: aReference<Child>() }),
  ),
  argument<{ value: number; at: DateTime }>()("plain data named like a Float", () => ({ value: 1, at: when }), {
    value: 1,
    at: arrived,
  }),
  argument<(number | bigint)[]>()("bigints in a list", () => [5n, 1], [5, 1]),
  argument<Uint8Array[]>()("Buffers in a list", () => [Buffer.from("a")], [bytes(97)]),
  argument<DateTime | null>()("a Date or null", () => when, arrived),
  argument<unknown>()("anything", () => [1, when], [1, arrived]),

  // Parameters that promise what does not arrive.
  notArgument<Date>()("a Date", () => when, arrived),
  notArgument<{ at: Date }>()("a Date in plain data", () => ({ at: when }), { at: arrived }),
  notArgument<Date[]>()("a Date in a list", () => [when], [arrived]),
  notArgument<Set<Date>>()("a Date in a set", () => new Set([when]), new Set([arrived])),
  notArgument<Map<string, number>>()("a Map with text keys", () => new Map([["a", 1]]), { a: 1 }),
  notArgument<bigint>()("a bigint", () => 5n, 5),
  notArgument<bigint[]>()("a bigint in a list", () => [5n], [5]),
  notArgument<Buffer>()("a Buffer", () => Buffer.from("hi"), bytes(104, 105)),
  notArgument<ArrayBuffer>()("an ArrayBuffer", () => new Uint8Array([1]).buffer, bytes(1)),
  notArgument<Float>()("a Float", () => new Float(2), 2),
  notArgument<(number | undefined)[]>()("undefined in a list", () => [undefined], [null]),
  notArgument<{ a: number | undefined }>()("undefined in plain data", () => ({ a: undefined }), { a: null }),
  notArgument<[Date, number]>()("a Date in a tuple", () => [when, 1], [arrived, 1]),
  notArgument<Date | null>()("a Date or null", () => when, arrived),
  notArgument<{ page: { at: Date } }>()("a Date in nested plain data", () => ({ page: { at: when } }), {
    page: { at: arrived },
  }),
  notArgument<Chain>()("a chain of Dates", () => ({ at: when, next: null }), { at: arrived, next: null }),
  notArgument<readonly Date[]>()("a readonly list of Dates", () => [when], [arrived]),
  notArgument<Map<string, Date>>()("a Map to Dates", () => new Map([["a", when]]), { a: arrived }),
  notArgument<Map<number, Date>>()(
    "a Map with numbers as keys to Dates",
    () => new Map([[1, when]]),
    new Map([[1, arrived]]),
  ),
  notArgument<{ value: Float }>()("a Float in plain data", () => ({ value: new Float(2) }), { value: 2 }),
  notArgument<Set<bigint>>()("a bigint in a set", () => new Set([5n]), new Set([5])),
  notArgument<symbol | string>()("one of the symbols", () => Symbol.iterator),
  notArgument<typeof Point>()("a class", () => Point),
  notArgument<Promise<void>[]>()("promises in a list", () => [Promise.resolve()]),
  notArgument<Int32Array | null>()("an Int32Array or null", () => new Int32Array(1)),
  notArgument<() => void>()("a function", () => () => undefined),
  notArgument<{ done: () => void }>()("a function in plain data", () => ({ done: () => undefined })),
  notArgument<Float32Array>()("a Float32Array", () => new Float32Array(1)),
  notArgument<URL>()("a URL", () => new URL("pb://localhost")),
  notArgument<Error>()("an Error", () => new Error("no")),
  notArgument<RegExp>()("a RegExp", () => /a/),
  notArgument<symbol>()("a symbol", () => Symbol("s")),
  notArgument<Promise<number>>()("a promise", () => Promise.resolve(1)),
  argument<RemoteStream<number>>()("an async iterable", () => countToOne(), aStream<number>()),
  argument<RemoteStream>()("a ReadableStream", () => new ReadableStream({ start: (it) => it.close() }), aStream()),
  notArgument<WritableStream>()("a WritableStream", () => new WritableStream()),
  notArgument<Iterator<number>>()("an iterator", () => [1].values()),
];
