// The types of remote calls, derived from the class of the remote object or from an interface of its methods.

import type { DateTime } from "@pb/jelly-types";
import type { Kwargs } from "../wire/kwargs.js";
import type { Avatar, Viewable } from "./perspective.js";
import type { Referenceable } from "./referenceable.js";
import type { RemoteReference } from "./remote-reference.js";

/** A remote object of unknown type: any method, any arguments, any result. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the caller knows the types
export type RemoteMethods = Record<string, (...args: any[]) => unknown>;

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- any function
type AnyFunction = (...args: any[]) => unknown;

/** The name without its prefix: `remote_echo` is called as `echo`, `perspective_whoami` as `whoami`, `view_read` as `read`. */
type Unprefixed<Key> = Key extends `remote_${infer Name}`
  ? Name
  : Key extends `perspective_${infer Name}`
    ? Name
    : Key extends `view_${infer Name}`
      ? Name
      : never;

type FunctionKeys<T> = { [Key in keyof T]: T[Key] extends AnyFunction ? Key : never }[keyof T] & string;

/** The names of the methods of `T` that can be called remotely: its prefixed methods, or all methods of an interface without prefixes. */
export type RemoteName<T> = [Unprefixed<keyof T>] extends [never] ? FunctionKeys<T> : Unprefixed<keyof T>;

type MethodOf<T, Name extends string> = `remote_${Name}` extends keyof T
  ? T[`remote_${Name}`]
  : `perspective_${Name}` extends keyof T
    ? T[`perspective_${Name}`]
    : `view_${Name}` extends keyof T
      ? WithoutFirst<T[`view_${Name}`]>
      : Name extends keyof T
        ? T[Name]
        : never;

/** The method of a view without its first parameter, the perspective, which is not sent. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- any perspective
type WithoutFirst<F> = F extends (perspective: any, ...args: infer Args) => infer Result
  ? (...args: Args) => Result
  : never;

/** Whether a type has methods. An object with methods arrives as an instance of the class that the receiving end registered for it. */
type HasMethods<T> = true extends { [Key in keyof T]: T[Key] extends AnyFunction ? true : never }[keyof T]
  ? true
  : false;

type IsAny<T> = 0 extends 1 & T ? true : false;

/** Types that arrive as they were sent. */
type Plain = string | number | boolean | null | Uint8Array;

/**
 * The type with which a result of type `T` arrives: a reference for an object that stays at the other end, also within lists, tuples, dicts and
 * plain objects; null for undefined, a `DateTime` for a `Date`, a record for a `Map` whose keys are text.
 */
export type Received<T> =
  IsAny<T> extends true
    ? T
    : T extends Plain
      ? T
      : T extends Referenceable | Viewable | Avatar
        ? RemoteReference<T>
        : // eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- the result of a method without a return value
          T extends undefined | void
          ? null
          : T extends bigint
            ? number | bigint
            : T extends Date
              ? DateTime
              : T extends ReadonlyMap<infer Key, infer Value>
                ? [Key] extends [string]
                  ? Record<string, Received<Value>>
                  : Map<Key, Received<Value>>
                : T extends readonly unknown[]
                  ? { [Key in keyof T]: Received<T[Key]> }
                  : T extends object
                    ? HasMethods<T> extends true
                      ? T
                      : { [Key in keyof T]: Received<T[Key]> }
                    : T;

/**
 * The type of an argument for a parameter of type `T`: for a reference, the object itself can be passed; for an object of the other end, a reference
 * to it.
 */
export type Sendable<T> =
  IsAny<T> extends true
    ? T
    : T extends Plain
      ? T
      : T extends Kwargs
        ? T
        : T extends RemoteReference<infer Object>
          ? RemoteReference<Object> | Object
          : T extends Referenceable
            ? RemoteReference<T>
            : T extends readonly unknown[]
              ? { [Key in keyof T]: Sendable<T[Key]> }
              : T extends object
                ? HasMethods<T> extends true
                  ? T
                  : { [Key in keyof T]: Sendable<T[Key]> }
                : T;

/**
 * The arguments of a call (see {@link Sendable}). `kwargs({…})` may follow them, and may replace optional arguments. Where the last parameter of the
 * method is a `KwargsOf<…>`, only keyword arguments of that type are accepted.
 */
export type RemoteArguments<T, Name extends string> =
  MethodOf<T, Name> extends (...args: infer Args) => unknown
    ? Required<Args> extends [...unknown[], Kwargs]
      ? { [Key in keyof Args]: Sendable<Args[Key]> }
      : number extends Args["length"]
        ? PositionalOrKeywords<Args>
        : [...PositionalOrKeywords<Args>, kwargs?: Kwargs]
    : never;

/** One tuple instead of a union of tuples, so that the compiler can name the wrong argument. It therefore accepts `kwargs` twice. */
type PositionalOrKeywords<Args extends readonly unknown[]> = {
  [Key in keyof Args]: IsOptional<Args, Key> extends true ? Sendable<Args[Key]> | Kwargs : Sendable<Args[Key]>;
};

// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- an empty object type is meant: it has no required property
type IsOptional<Args, Key extends keyof Args> = {} extends Pick<Args, Key> ? true : false;

/** The result of a call: promises are unwrapped, and objects that stay at the other end are references. */
export type RemoteResult<T, Name extends string> =
  MethodOf<T, Name> extends (...args: never) => infer Result ? Received<Awaited<Result>> : never;

/** The methods of a remote object as functions. They are visibly remote: each returns a promise, which rejects as `callRemote` does. */
export type RemoteCalls<T> = {
  readonly [Name in RemoteName<T>]: (...args: RemoteArguments<T, Name>) => Promise<RemoteResult<T, Name>>;
};
