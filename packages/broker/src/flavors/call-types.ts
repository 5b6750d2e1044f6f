// The types of calls: the names of the methods of a remote object, their arguments and their results.

import type { MethodName, MethodOf } from "../calls/method-types.js";
import type { ProtocolName } from "../calls/remote-calls.js";
import type { Kwargs } from "../wire/kwargs.js";
import type { Received, SendableArgument } from "./arrival-types.js";
import type { CannotBeSent, Plain, ProblemOf, SentBy } from "./value-types.js";

/** A remote object of unknown type: any method, any arguments, any result. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the caller knows the types
export type RemoteMethods = Record<string, (...args: any[]) => unknown>;

/**
 * The names of the methods of `T` that can be called remotely: its prefixed methods, or all methods of an interface
 * without prefixes. With `Called`: that name, or a {@link CannotBeSent} when the result of the method cannot be sent.
 */
export type RemoteName<T, Called = never> = [Called] extends [never]
  ? MethodName<T>
  : MethodOf<T, Called & string> extends (...args: never) => infer Result
    ? CanBeSent<Result> extends true
      ? Called
      : CannotBeSent<ProblemOf<Result>>
    : Called;

/**
 * The arguments of a call (see {@link Sendable}). `kwargs({…})` may follow them, and may replace optional arguments.
 * Where the last parameter of the method is a `KwargsOf<…>`, only keyword arguments of that type are accepted.
 */
export type RemoteArguments<T, Name extends string> =
  MethodOf<T, Name> extends {
    (...args: infer Args1): unknown;
    (...args: infer Args2): unknown;
    (...args: infer Args3): unknown;
    (...args: infer Args4): unknown;
  }
    ? ArgumentsFor<Args1 | Args2 | Args3 | Args4>
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

/** The result of a call: promises are unwrapped, and objects that stay at the other end are references. */
export type RemoteResult<T, Name extends string> = RemoteResults<T>[Name & MethodName<T>];

/** The results of all methods: a member of this type, because the compiler infers nothing from it for each call. */
type RemoteResults<T> = { [Name in MethodName<T>]: ResultOf<MethodOf<T, Name>> };

type ResultOf<Method> = Method extends {
  (...args: never): infer Result1;
  (...args: never): infer Result2;
  (...args: never): infer Result3;
  (...args: never): infer Result4;
}
  ? ResultFor<Result1 | Result2 | Result3 | Result4>
  : never;

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
export type RemoteCalls<T> = {
  readonly [Name in Exclude<MethodName<T>, ProtocolName>]: CallsOf<MethodOf<T, Name>>;
};

/**
 * The signatures of a method, as functions that return promises. TypeScript can match at most a fixed number of
 * overloads: the last four count.
 */
type CallsOf<Method> = 0 extends 1 & Method
  ? Call<Method[], Method>
  : Method extends { (...args: infer Args1): unknown; (...args: infer Args2): infer Result2 }
    ? [Args1, Args2] extends [Args2, Args1]
      ? Call<Args2, Result2>
      : Method extends {
            (...args: infer Args1): infer Result1;
            (...args: infer Args2): infer Result2;
            (...args: infer Args3): infer Result3;
            (...args: infer Args4): infer Result4;
          }
        ? // Of fewer overloads, the first is repeated.
          Call<Args1, Result1> & Call<Args2, Result2> & Call<Args3, Result3> & Call<Args4, Result4>
        : unknown
    : unknown;

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
