// The types with which values arrive, and of the values that may be sent for them.

import type { DateTime, Float, FrozenSet, Tuple } from "@pb/jelly-types";
import type { AnyFunction, IsAny, MethodName, MethodOf } from "../calls/method-types.js";
import type { Kwargs } from "../wire/kwargs.js";
import type { Avatar, Viewable, ViewPoint } from "./perspective.js";
import type { Referenceable } from "./referenceable.js";
import type { RemoteReference, RemoteStream } from "./remote-reference.js";
import type {
  AdviceFor,
  Callee,
  CannotBeSent,
  IsPlainBytes,
  IsUnsendable,
  Literal,
  Plain,
  ReadableOf,
  ReceivedCopy,
  Scalar,
  SentCopy,
  Streaming,
  StreamItem,
} from "./value-types.js";

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a reference to any object
type AnyReference = RemoteReference<any>;

/** A type of its own, because the compiler would compare each use of `T` in a branch with the condition again. */
type IsUnchanged<T> = [T] extends [Unchanged<T>] ? true : false;

/**
 * `T`, or what `T` is not assignable to, if it contains a value that arrives as another one. The properties of a class
 * or an interface are compared, not expanded, so that types may contain themselves.
 */
type Unchanged<T, InClass = false> =
  IsAny<T> extends true
    ? T
    : T extends Plain | Scalar
      ? T
      : T extends readonly unknown[]
        ? readonly Unchanged<T[number], InClass>[]
        : T extends Uint8Array
          ? IsPlainBytes<T> extends true
            ? T
            : never
          : T extends AnyReference
            ? InClass extends true
              ? T
              : never
            : T extends Changing
              ? never
              : T extends ReadonlySet<infer Member> // After Map, which has the methods of a ReadonlySet too.
                ? ReadonlySet<Unchanged<Member, InClass>>
                : T extends object
                  ? IsUnsendable<T> extends true
                    ? never
                    : UnchangedProperties<T>
                  : T;

type UnchangedProperties<T> = T extends ReceivedCopy | SentCopy | Error
  ? T
  : T extends Literal
    ? { [Key in keyof T]-?: Key extends symbol ? never : Unchanged<T[Key]> }
    : { [Key in keyof T]-?: T[Key] extends AnyFunction ? T[Key] : Unchanged<T[Key], true> };

type Changing =
  | Streaming
  | Callee
  | undefined
  | bigint
  | Date
  | ReadonlyMap<unknown, unknown>
  | ArrayBuffer
  | Float
  | Promise<unknown>;

/**
 * How a value travels. Both directions look up their type by it in an interface: a deferred look-up, through which the
 * compiler infers nothing, where it would try each branch of a conditional type.
 */
type KindOf<T> = T extends Plain | Scalar
  ? "same"
  : T extends object
    ? T extends readonly unknown[]
      ? T extends Tuple
        ? "tuple"
        : "list"
      : T extends Callee
        ? "callee"
        : T extends Streaming
          ? T extends SentCopy | ReceivedCopy
            ? "data"
            : "stream"
          : T extends AnyReference
            ? "reference"
            : T extends Uint8Array
              ? "bytes"
              : IsUnsendable<T> extends true
                ? "local"
                : KindOfData<T>
    : // eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- the result of a method without a return value
      T extends undefined | void
      ? "nothing"
      : T extends bigint
        ? "bigint"
        : T extends symbol
          ? "local"
          : "same";

type KindOfData<T> =
  T extends ReadonlyMap<unknown, unknown>
    ? "map"
    : T extends ReadonlySet<unknown>
      ? "set"
      : T extends Date
        ? "date"
        : T extends Float
          ? "float"
          : T extends ArrayBuffer
            ? "buffer"
            : T extends Promise<unknown>
              ? "promise"
              : "data";

/**
 * The type with which a value of type `T` arrives: a reference for an object that stays at the other end, at any depth;
 * null for undefined, a `DateTime` for a `Date`, a record for a `Map` with text keys. {@link CannotBeSent} for what
 * cannot be sent.
 */
export type Received<T> = [T] extends [Plain] // also any
  ? T
  : T extends unknown
    ? ReceivedForms<T>[ReceivedKind<T>]
    : never;

type ReceivedKind<T> = T extends object ? (IsUnchanged<T> extends true ? "same" : KindOf<T>) : KindOf<T>;

interface ReceivedForms<T> {
  same: T;
  nothing: null;
  bigint: number | bigint;
  tuple: Tuple<Received<ItemOf<T>>> & (number extends LengthOf<T> ? unknown : ReceivedItems<T>);
  list: ReceivedItems<T>;
  callee: RemoteReference<T>;
  reference: T extends RemoteReference<infer Home> ? HomeOf<Home> : never;
  stream: T extends AnyReference ? AsyncIterable<Received<StreamItem<T>>> : RemoteStream<Received<StreamItem<T>>>;
  bytes: Uint8Array;
  buffer: Uint8Array;
  map: T extends ReadonlyMap<infer Key, infer Value> ? ReceivedMap<Key, Value> : never;
  set: ReceivedSet<T>;
  date: DateTime;
  float: number;
  promise: T extends Promise<infer Value> ? Received<Value> : never;
  data: ReceivedProperties<T>;
  local: CannotBeSent<AdviceFor<T>>;
}

type LengthOf<T> = T extends { readonly length: infer Length } ? Length : never;

type ItemOf<T> = T extends readonly (infer Item)[] ? Item : never;

type ReceivedSet<T> =
  T extends FrozenSet<infer Member>
    ? FrozenSet<Received<Member>>
    : T extends Set<infer Member>
      ? Set<Received<Member>>
      : T extends ReadonlySet<infer Member>
        ? ReadonlySet<Received<Member>>
        : never;

type ReceivedProperties<T> = T extends Literal
  ? { [Key in keyof T as Exclude<Key, symbol>]: Received<T[Key]> }
  : { [Key in keyof T]: T[Key] extends AnyFunction | AnyReference ? T[Key] : Received<T[Key]> };

/** The items of a list, or of a tuple. Written so that lists and short tuples may contain themselves. */
type ReceivedItems<T> = ItemOf<T>[] extends T
  ? T extends unknown[]
    ? Received<ItemOf<T>>[]
    : readonly Received<ItemOf<T>>[]
  : T extends [infer First, infer Second]
    ? [Received<First>, Received<Second>]
    : T extends [infer First, infer Second, infer Third]
      ? [Received<First>, Received<Second>, Received<Third>]
      : { [Key in keyof T]: Received<T[Key]> };

/** A dict arrives as a record if all of its keys are text, also if it is empty. */
type ReceivedMap<Key, Value> = [Key] extends [string]
  ? Record<string, Received<Value>>
  : HasText<Key> extends true
    ? Map<Received<Key>, Received<Value>> | Record<string, Received<Value>>
    : Map<Received<Key>, Received<Value>>;

type HasText<Key> = unknown extends Key ? true : [Extract<Key, string>] extends [never] ? false : true;

/** What a reference becomes at the end that the object is at. */
type HomeOf<T> =
  IsAny<T> extends true ? T : T extends Referenceable | Avatar ? T : T extends Viewable ? ViewPoint : ObjectWith<T>;

/** An object with the remote methods of an interface without prefixes. */
type ObjectWith<T> =
  string extends MethodName<T>
    ? Referenceable
    : Referenceable & { [Key in MethodName<T> as `remote_${Key}`]: MethodOf<T, Key> };

/**
 * The type of an argument for a parameter of type `T`, which is the type of what arrives: for a reference, the object
 * itself; for an object of the other end, a reference to it; a `Date` too for a `DateTime`, a `Map` with text keys too
 * for a record. {@link CannotBeSent} for what never arrives.
 */
export type Sendable<T, Whole = T> = [T] extends [Plain] // also any
  ? T
  : T extends unknown
    ? SendableForms<T, Whole>[SendableKind<T>]
    : never;

type SendableKind<T> = T extends Kwargs ? "kwargs" : KindOf<T>;

interface SendableForms<T, Whole> {
  same: T extends DateTime ? T | Date : T;
  nothing: CannotBeSent<"undefined arrives as null: declare null, or an optional property">;
  bigint: number extends Whole
    ? T
    : CannotBeSent<"a bigint arrives as a number if it is a safe integer: declare number | bigint">;
  kwargs: SendableKwargs<T>;
  tuple: Tuple<Sendable<ItemOf<T>>> & (number extends LengthOf<T> ? unknown : SendableItems<T>);
  list: SendableItems<T>;
  callee: T extends Viewable
    ? CannotBeSent<"a Viewable arrives as a ViewPoint: declare ViewPoint">
    : T extends ViewPoint
      ? AnyReference
      : RemoteReference<T>;
  reference: T extends RemoteReference<infer Home>
    ? Home extends Callee
      ? Home
      : string extends keyof Home
        ? Callee
        : ObjectWith<Home>
    : never;
  stream: AsyncIterable<Sendable<StreamItem<T>>> | ReadableOf<Sendable<StreamItem<T>>>;
  bytes: IsPlainBytes<T> extends true
    ? Uint8Array | ArrayBuffer
    : CannotBeSent<"bytes arrive as a Uint8Array: declare Uint8Array">;
  buffer: CannotBeSent<"bytes arrive as a Uint8Array: declare Uint8Array">;
  map: T extends ReadonlyMap<infer Key, infer Value> ? SendableMap<Key, Value, Whole> : never;
  set: SendableSet<T>;
  date: CannotBeSent<"a Date arrives as a DateTime: declare DateTime">;
  float: CannotBeSent<"a Float arrives as a number: declare number">;
  promise: CannotBeSent<"a promise cannot be an argument: await it before the call">;
  data: T extends ReceivedCopy
    ? T | SentCopy
    : string extends keyof T
      ? SendableProperties<T> | SendableRecord<T>
      : SendableProperties<T>;
  local: CannotBeSent<AdviceFor<T>>;
}

/** A Map in place of a record. An interface, so that the type of a record may contain itself. */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- an alias would be expanded at once
interface SendableRecord<T> extends ReadonlyMap<string, Sendable<T[keyof T]>> {}

type SendableMap<Key, Value, Whole> =
  HasText<Key> extends true
    ? Record<string, never> extends Whole
      ? ReadonlyMap<Sendable<Key>, Sendable<Value>>
      : CannotBeSent<"a Map with text keys arrives as a plain object: declare Record<string, …>">
    : ReadonlyMap<Sendable<Key>, Sendable<Value>>;

type SendableSet<T> =
  T extends FrozenSet<infer Member>
    ? FrozenSet<Sendable<Member>>
    : T extends Set<infer Member>
      ? Set<Sendable<Member>>
      : T extends ReadonlySet<infer Member>
        ? ReadonlySet<Sendable<Member>>
        : never;

type SendableItems<T> = ItemOf<T>[] extends T
  ? T extends unknown[]
    ? Sendable<ItemOf<T>>[]
    : readonly Sendable<ItemOf<T>>[]
  : T extends [infer First, infer Second]
    ? [Sendable<First>, Sendable<Second>]
    : T extends [infer First, infer Second, infer Third]
      ? [Sendable<First>, Sendable<Second>, Sendable<Third>]
      : { [Key in keyof T]: Sendable<T[Key]> };

type SendableProperties<T> = T extends Error
  ? T
  : T extends Literal
    ? { [Key in keyof T]: Sendable<T[Key]> }
    : { [Key in keyof T]: T[Key] extends AnyFunction ? T[Key] : Sendable<T[Key]> };

/** Of a table with any names, only the names are open: keyword arguments have no index signature. */
type SendableKwargs<T> = (T extends Kwargs<infer Names> ? Kwargs<Names> : never) & {
  readonly [Key in keyof T as string extends Key ? never : Exclude<Key, keyof Kwargs>]: SendableArgument<T[Key]>;
};

/** An argument of the call itself: one that is undefined is not sent, if it is the last. */
export type SendableArgument<T> = [T] extends [Plain | undefined]
  ? T
  : Sendable<Exclude<T, undefined>> | Extract<T, undefined>;
