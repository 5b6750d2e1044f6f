// The types of values: those that arrive as they are, and those that cannot be sent, with what to do instead.

import type {
  CalendarDate,
  DateTime,
  Decimal,
  Float,
  PythonName,
  TimeDelta,
  TimeOfDay,
  UnknownCopy,
  Unpersistable,
} from "@pb/jelly-types";
import type { AnyFunction, IsAny } from "../calls/method-types.js";
import type { Avatar, Viewable } from "./perspective.js";
import type { Referenceable } from "./referenceable.js";

/** Types that arrive as they were sent. */
export type Plain = string | number | boolean | null;
export type Scalar =
  DateTime | CalendarDate | TimeOfDay | TimeDelta | Decimal | PythonName | Unpersistable | UnknownCopy;

/** Objects that stay at their end. */
export type Callee = Referenceable | Viewable | Avatar;

/** An object type that is written down as its properties, not as a class or an interface. */
export type Literal = Readonly<Record<string, unknown>>;

/** A copy of an object of the peer, of a class that this end registered. */
export interface ReceivedCopy {
  setCopyableState(state: unknown): void;
}

/** An object that the peer gets a copy of. */
export interface SentCopy {
  getTypeToCopy(): string;
}

/** Objects whose items are sent as a stream. */
export type Streaming = { [Symbol.asyncIterator](): unknown } | { getReader(...args: never): unknown };

/** A `ReadableStream`, as far as it is used: not all programs have types for it. */
export interface ReadableOf<Item> {
  getReader(): { read(): Promise<{ done: boolean; value?: Item | undefined }> };
}

/** The type of the items of a stream. */
export type StreamItem<T> =
  T extends AsyncIterable<infer Item> ? Item : T extends ReadableOf<infer Item> ? Item : unknown;

/** The `ReadableStream` of the platform, if the program has types for it. */
export type PlatformReadable<Item> = [Instance<"ReadableStream">] extends [never]
  ? ReadableOf<Item>
  : Instance<"ReadableStream">;

/** Whether no value of a type can be sent. */
export type IsUnsendable<T> = T extends Unsendable
  ? T extends Streaming
    ? false
    : T extends Error
      ? "stack" extends keyof T // Plain data has a name and a message too.
        ? [Exclude<keyof T, keyof Error | "errors">] extends [never]
          ? true
          : false // A class of its own may be registered.
        : false
      : true
  : false;

/** The bytes that arrive, which have no methods of a `Buffer`. */
export type IsPlainBytes<T> = [keyof T] extends [keyof Uint8Array] ? true : false;

declare const advice: unique symbol;

/** The type of what cannot be sent, or of what never arrives. No value has it; the compiler shows the advice. */
export interface CannotBeSent<Advice> {
  readonly [advice]: Advice;
}

/**
 * The instances of a class that not every platform has. Never, where the program has no types for it. (To infer from
 * `Record<Name, …>` would take the compiler through the types of all global names.)
 */
type Instance<Name extends string> = Name extends keyof typeof globalThis
  ? InstanceOf<(typeof globalThis)[Name]>
  : never;

type InstanceOf<Class> = Class extends { readonly prototype: infer Type } ? (0 extends 1 & Type ? never : Type) : never;

type Code = AnyFunction | (abstract new (...args: never) => unknown);

type Numbers =
  | Int8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array
  // eslint-disable-next-line @typescript-eslint/no-redundant-type-constituents -- only some programs have its types
  | Instance<"Float16Array">;

/** A stream of Node that can be read is iterable. */
type WritableStreams =
  | { getWriter(...args: never): unknown }
  | { on(...args: never): unknown; pipe(...args: never): unknown }
  | Instance<"TransformStream">;

/** Generators, and the iterators of other collections. */
interface Cursor {
  next(...args: never): { done?: boolean; value: unknown };
}

type Url = Instance<"URL"> | Instance<"URLSearchParams">;
type Body = Instance<"Blob"> | Instance<"Request"> | Instance<"Response">;
type Bytes = DataView | SharedArrayBuffer;

/** A `Map` has the methods of a `WeakMap` too. */
interface NoSize {
  readonly size?: undefined;
}

/** Objects that mean nothing in another process. */
type Local =
  | symbol
  | WeakRef<WeakKey>
  | (WeakMap<WeakKey, unknown> & NoSize)
  | (WeakSet<WeakKey> & NoSize)
  | Instance<"EventTarget">
  | Instance<"AbortController">
  | Instance<"FormData">
  | Instance<"Headers">
  | Intl.NumberFormat
  | Intl.DateTimeFormat
  | Intl.Collator;

/** What is refused. */
export type Unsendable = Code | Numbers | WritableStreams | Cursor | Url | Body | Bytes | RegExp | Local | PlainError;

/**
 * An error class without members of its own: an unregistered error cannot be sent as a value. `stack`, because plain
 * data has a name and a message too.
 */
type PlainError = Error & { readonly stack?: string | undefined };

/** What to do instead. */
export type AdviceFor<T> = T extends Code
  ? "a function cannot be sent: make it a method of a Referenceable"
  : T extends Numbers
    ? "a typed array cannot be sent: send an Array of its numbers, or a Uint8Array of its bytes"
    : T extends Bytes
      ? "only a Uint8Array or an ArrayBuffer is sent as bytes: copy the bytes"
      : T extends WritableStreams
        ? "a writable stream cannot be sent: send a ReadableStream or an async iterable"
        : T extends Cursor
          ? "an iterator cannot be sent: send an Array of its values, or an async iterable"
          : T extends Url
            ? "a URL cannot be sent: send its text"
            : T extends Body
              ? "a body cannot be sent: send its bytes as a Uint8Array, or its stream"
              : T extends RegExp
                ? "a RegExp cannot be sent: send its source"
                : T extends Error
                  ? "an Error cannot be sent as a value: throw it, or send its message"
                  : "this object exists in one process only: send what it contains, or make it a Referenceable";

/** A reference. */
interface Caller {
  callRemote(...args: never): unknown;
  sendRemote(...args: never): unknown;
}

/** What can be sent, whatever it contains. */
type Sent = Plain | Scalar | Callee | Caller | SentCopy | undefined | bigint | Date | Uint8Array | Float;

/** `T`, or what `T` is not assignable to, if it contains a value that cannot be sent. */
export type SentBy<T> =
  IsAny<T> extends true
    ? T
    : T extends Sent
      ? T
      : T extends Streaming
        ? AsyncIterable<SentBy<StreamItem<T>>> | ReadableOf<SentBy<StreamItem<T>>>
        : T extends readonly unknown[]
          ? readonly SentBy<T[number]>[]
          : IsUnsendable<T> extends true
            ? never
            : T extends ArrayBuffer // In TypeScript 5.4, typed arrays have its members too.
              ? T
              : T extends ReadonlyMap<infer Key, infer Value>
                ? ReadonlyMap<SentBy<Key>, SentBy<Value>>
                : T extends ReadonlySet<infer Member>
                  ? ReadonlySet<SentBy<Member>>
                  : T extends Promise<infer Value>
                    ? Promise<SentBy<Value>>
                    : T extends object
                      ? HasState<T> extends true
                        ? T
                        : { [Key in keyof T]: SentBy<T[Key]> }
                      : T extends symbol
                        ? never
                        : T;

/** The advice for the first value of a result that cannot be sent. `Depth` bounds the search. */
export type ProblemOf<T, Depth extends unknown[] = []> = Depth["length"] extends 5
  ? "a value in the result cannot be sent"
  : T extends Sent
    ? never
    : T extends readonly (infer Item)[]
      ? ProblemOf<Item, [...Depth, 0]>
      : T extends Streaming
        ? ProblemOf<StreamItem<T>, [...Depth, 0]>
        : IsUnsendable<T> extends true
          ? AdviceFor<T>
          : T extends ArrayBuffer
            ? never
            : T extends ReadonlyMap<infer Key, infer Value>
              ? ProblemOf<Key | Value, [...Depth, 0]>
              : T extends ReadonlySet<infer Member>
                ? ProblemOf<Member, [...Depth, 0]>
                : T extends Promise<infer Value>
                  ? ProblemOf<Value, Depth>
                  : HasState<T> extends true
                    ? never
                    : T extends object
                      ? { [Key in keyof T]: ProblemOf<T[Key], [...Depth, 0]> }[keyof T]
                      : AdviceFor<T>;

/** Whether a type is a class or an interface with methods, whose state may be another one than its properties. */
type HasState<T> = T extends Literal
  ? false
  : true extends { [Key in keyof T]: T[Key] extends AnyFunction ? true : never }[keyof T]
    ? true
    : false;
