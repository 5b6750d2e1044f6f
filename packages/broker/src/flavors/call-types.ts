// The types of calls: the names of the methods of a remote object, their arguments and their results.

import type { MethodKey, MethodOf, PrefixedKey, Unprefixed } from "../calls/method-types.js";
import type { ProtocolName } from "../calls/remote-calls.js";
import type { Kwargs } from "../wire/kwargs.js";
import type { Received, SendableArgument } from "./arrival-types.js";
import type { CannotBeSent, Plain, ProblemOf, SentBy } from "./value-types.js";

/** A remote object of unknown type: any method, any arguments, any result. */
export type RemoteMethods = unknown;

/**
 * The types of the calls to an object. They are members of an interface that are looked up by the name of a method: the
 * compiler infers nothing from such a type, and computes it once for each class.
 *
 * The condition is always met. With it, the compiler can compare two references by the types of their objects alone:
 * one to an object with more methods may take the place of another.
 */
type Remote<T> = [T] extends [infer Same] ? RemoteObject<Same> : never;

type RemoteObject<T, Keys = keyof T & `remote_${string}`> = [Keys] extends [never]
  ? OtherObject<T>
  : Prefixed<T, Keys extends `remote_${infer Name}` ? Name : never>;

type OtherObject<T, Keys = PrefixedKey<T>> = [Keys] extends [never]
  ? [keyof T] extends [never]
    ? Untyped
    : WithoutPrefixes<T, MethodKey<T>>
  : OtherPrefixes<T, Unprefixed<Keys>>;

/** An object with `remote_` methods. */
interface Prefixed<T, Names extends string> {
  readonly names: Names;
  readonly byName: { [Name in Names]: FormsOf<T[`remote_${Name}` & keyof T]> };
  readonly calls: { readonly [Name in Exclude<Names, ProtocolName>]: CallsOf<T[`remote_${Name}` & keyof T]> };
}

/** An object with methods of other prefixes. */
interface OtherPrefixes<T, Names extends string> {
  readonly names: Names;
  readonly byName: { [Name in Names]: FormsOf<MethodOf<T, Name>> };
  readonly calls: { readonly [Name in Exclude<Names, ProtocolName>]: CallsOf<MethodOf<T, Name>> };
}

/** An interface without prefixes. */
interface WithoutPrefixes<T, Names extends keyof T & string> {
  readonly names: Names;
  readonly byName: { [Name in Names]: FormsOf<T[Name]> };
  readonly calls: { readonly [Name in Exclude<Names, ProtocolName>]: CallsOf<T[Name]> };
}

interface Untyped {
  readonly names: string;
  readonly byName: Record<string, UntypedForms>;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the caller knows the types
  readonly calls: Readonly<Record<string, (...args: any[]) => Promise<unknown>>>;
}

interface UntypedForms {
  readonly problem: unknown;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the caller knows the types
  readonly arguments: any[];
  readonly result: unknown;
}

/** The types of a call by name. Of an overloaded method, they are unions. */
type FormsOf<Method> = unknown extends Method // also any
  ? Forms<Method[], Method>
  : Method extends (...args: infer Args) => infer Result
    ? [(...args: Args) => Result] extends [Method]
      ? Forms<Args, Result>
      : OverloadForms<Method>
    : never;

type OverloadForms<Method> = Method extends {
  (...args: infer Args1): infer Result1;
  (...args: infer Args2): infer Result2;
  (...args: infer Args3): infer Result3;
  (...args: infer Args4): infer Result4;
}
  ? Forms<Args1 | Args2 | Args3 | Args4, Result1 | Result2 | Result3 | Result4>
  : never;

interface Forms<Args, Result> {
  readonly problem: CanBeSent<Result> extends true ? unknown : CannotBeSent<ProblemOf<Result>>;
  readonly arguments: ArgumentsFor<Args>;
  readonly result: ResultFor<Result>;
}

/**
 * The names of the methods of `T` that can be called remotely: its prefixed methods, or all methods of an interface
 * without prefixes. With `Called`: that name, or a {@link CannotBeSent} when the result of the method cannot be sent.
 */
export type RemoteName<T, Called = never> = [Called] extends [never]
  ? Remote<T>["names"]
  : Called & (ByName<T>[Called & NameOf<T>] extends { readonly problem: infer Problem } ? Problem : never);

type NameOf<T> = Remote<T>["names"];
type ByName<T> = Remote<T>["byName"];

/**
 * The arguments of a call (see {@link Sendable}). `kwargs({…})` may follow them, and may replace optional arguments.
 * Where the last parameter of the method is a `KwargsOf<…>`, only keyword arguments of that type are accepted.
 */
export type RemoteArguments<T, Name extends NameOf<T>> = ByName<T>[Name] extends {
  readonly arguments: infer Args extends unknown[];
}
  ? Args
  : never;

/** The result of a call: promises are unwrapped, and objects that stay at the other end are references. */
export type RemoteResult<T, Name extends NameOf<T>> = ByName<T>[Name] extends { readonly result: infer Result }
  ? Result
  : never;

type ArgumentsFor<Args> = Args extends FewPlain
  ? [...Args, kwargs?: Kwargs]
  : Args extends unknown[]
    ? Required<Args> extends [...unknown[], Kwargs]
      ? { [Key in keyof Args]: SendableArgument<Args[Key]> }
      : number extends Args["length"]
        ? RestOrKeywords<Args>
        : [...PositionalOrKeywords<Args>, kwargs?: Kwargs]
    : never;

/** The parameters of most methods, none of which is optional: the compiler has nothing to compute. */
type FewPlain = [] | [Plain] | [Plain, Plain] | [Plain, Plain, Plain];

/**
 * One tuple instead of a union of tuples, so that the compiler can name the wrong argument. It therefore accepts
 * `kwargs` twice, and also for a required parameter that may be undefined.
 */
type PositionalOrKeywords<Args extends readonly unknown[]> = {
  [Key in keyof Args]: undefined extends Args[Key] ? SendableArgument<Args[Key]> | Kwargs : SendableArgument<Args[Key]>;
};

type RestOrKeywords<Args extends readonly unknown[]> = {
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type -- an empty object type is meant: nothing is required
  [Key in keyof Args]: {} extends Pick<Args, Key> ? SendableArgument<Args[Key]> | Kwargs : SendableArgument<Args[Key]>;
};

type ResultFor<Result> = ResultForms<Result>[[Result] extends [Plain] ? "plain" : "other"];

/** Members of an interface, because the compiler infers nothing from them, and looks only at the one it needs. */
interface ResultForms<Result> {
  readonly plain: Result;
  readonly other: Received<Awaited<Result>>;
}

/**
 * The methods of a remote object as functions. They are visibly remote: each returns a promise, which rejects as
 * `callRemote` does. Names that JavaScript itself looks up on objects, such as `then`, `toString` and `toJSON`, are no
 * methods here: call them with `callRemote`.
 */
export type RemoteCalls<T> = Remote<T>["calls"];

/**
 * The signatures of a method, as functions that return promises. TypeScript can match at most a fixed number of
 * overloads: the last four count.
 */
type CallsOf<Method> = unknown extends Method // also any
  ? Call<Method[], Method>
  : Method extends (...args: infer Args) => infer Result
    ? [(...args: Args) => Result] extends [Method]
      ? Call<Args, Result>
      : OverloadCalls<Method>
    : never;

type OverloadCalls<Method> = Method extends {
  (...args: infer Args1): infer Result1;
  (...args: infer Args2): infer Result2;
  (...args: infer Args3): infer Result3;
  (...args: infer Args4): infer Result4;
}
  ? // Of fewer overloads, the first is repeated.
    Call<Args1, Result1> & Call<Args2, Result2> & Call<Args3, Result3> & Call<Args4, Result4>
  : never;

type Call<Args, Result> =
  CanBeSent<Result> extends true
    ? (...args: ArgumentsFor<Args>) => Promise<ResultFor<Result>>
    : CannotBeSent<ProblemOf<Result>>;

// eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- the result of a method without a return value
type Nothing = void;

/** A type of its own, because the compiler would compare each use of `Result` in a branch with the condition again. */
type CanBeSent<Result> = [Result] extends [Nothing | Plain | Promise<Nothing | Plain>]
  ? true
  : [Result] extends [SentBy<Result>]
    ? true
    : false;
