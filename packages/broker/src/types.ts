// How the types of a class become the types of calls on a reference to it.

import type { RemoteReference } from "./flavors/remote-reference.js";
import type { Referenceable } from "./flavors/referenceable.js";

/** A remote object of which nothing is known: any method, any arguments, any result. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- what is called is for the program to know
export type RemoteMethods = Record<string, (...args: any[]) => unknown>;

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- any function at all
type AnyFunction = (...args: any[]) => unknown;

/** `remote_echo` is `echo`, `perspective_whoami` is `whoami`, `view_read` is `read`. */
type Unprefixed<Key> = Key extends `remote_${infer Name}`
  ? Name
  : Key extends `perspective_${infer Name}`
    ? Name
    : Key extends `view_${infer Name}`
      ? Name
      : never;

type FunctionKeys<T> = { [Key in keyof T]: T[Key] extends AnyFunction ? Key : never }[keyof T] & string;

/** The names by which a remote `T` can be called: its prefixed methods, or all methods of an interface that has none. */
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

/** A view's method without the perspective, which does not travel. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- any perspective
type WithoutFirst<F> = F extends (perspective: any, ...args: infer Args) => infer Result
  ? (...args: Args) => Result
  : never;

/** What the other side gets: a reference where we have the object, the object where we have a reference. */
export type Crossing<T> = T extends Referenceable
  ? RemoteReference<T>
  : T extends RemoteReference<infer Object>
    ? RemoteReference<Object> | Object
    : T extends Uint8Array
      ? T
      : T extends readonly unknown[]
        ? { [Key in keyof T]: Crossing<T[Key]> }
        : T;

/** The arguments of a call. Where the method takes a reference, the object itself can be given. */
export type RemoteArguments<T, Name extends string> =
  MethodOf<T, Name> extends (...args: infer Args) => unknown ? { [Key in keyof Args]: Crossing<Args[Key]> } : never;

/** The result of a call: promises unwrapped, objects that stay there as references. */
export type RemoteResult<T, Name extends string> =
  MethodOf<T, Name> extends (...args: never) => infer Result ? Crossing<Awaited<Result>> : never;
