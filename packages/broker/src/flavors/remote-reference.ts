// References to objects of the peer, the ways to call them, and the types of such calls.

import { addDisposal, madeBy } from "@pb/banana";
import type { PackageCopy } from "@pb/banana";
import { JellyError } from "@pb/jelly-types";
import type { DateTime, Float, FrozenSet, Tuple } from "@pb/jelly-types";
import { checkCallOptions } from "../calls/call-options.js";
import type { CallOptions } from "../calls/call-options.js";
import type { Perspective } from "../calls/callable.js";
import type { AnyFunction, IsAny, MethodName, MethodOf } from "../calls/method-types.js";
import { remoteCalls } from "../calls/remote-calls.js";
import type { Invoke, ProtocolName } from "../calls/remote-calls.js";
import { DeadReferenceError } from "../errors.js";
import type { ConnectionContext } from "../references/graph-context.js";
import type { SharedArguments } from "../references/shared-arguments.js";
import type { Kwargs } from "../wire/kwargs.js";
import type { ObjectId } from "../wire/messages.js";
import type { Avatar, Viewable, ViewPoint } from "./perspective.js";
import type { Referenceable } from "./referenceable.js";
import type {
  AdviceFor,
  Callee,
  CannotBeSent,
  IsPlainBytes,
  IsUnsendable,
  Literal,
  Plain,
  ProblemOf,
  ReceivedCopy,
  Scalar,
  SentBy,
  SentCopy,
} from "./value-types.js";
import { thisCopy } from "../this-copy.js";

/** The interface of a {@link RemoteReference}, which references to local objects (`asLocal`) have too. */
export interface Reference<T = RemoteMethods> extends Disposable {
  /** Whether the object can be called. */
  readonly isAlive: boolean;
  /** The methods as functions: `reference.call.echo("hi")` is `reference.callRemote("echo", "hi")`. */
  readonly call: RemoteCalls<T>;
  /** Calls a method and resolves with its result. */
  callRemote<Name extends RemoteName<T>>(
    name: Name & RemoteName<T, Name>,
    ...args: RemoteArguments<T, Name>
  ): Promise<RemoteResult<T, Name>>;
  /** The same ways to call, with options: `reference.with({ timeoutMs: 500 }).call.echo("hi")`. */
  with(options: CallOptions): RemoteCaller<T>;
  /** Calls a method without an answer. */
  sendRemote<Name extends RemoteName<T>>(name: Name, ...args: RemoteArguments<T, Name>): void;
  /** Runs `callback` once, when the connection of the reference ends. Dispose of the result to unsubscribe. */
  notifyOnDisconnect(callback: (reference: this) => void): Disposable;
  /** Resolves when the connection can take more messages. Rejects when it has ended. */
  drained(): Promise<void>;
}

/**
 * A reference to an object of the peer. There is one per object and connection. The peer keeps the object until the
 * reference is collected or disposed of (`using`, {@link Symbol.dispose}), or the connection ends.
 *
 * `T` is the class of the object, or an interface of its methods: `RemoteReference<Echo>` has the method `echo` if
 * `Echo` has `remote_echo`.
 */
export class RemoteReference<T = RemoteMethods> implements Reference<T> {
  static {
    addDisposal(this);
  }

  readonly #context: ConnectionContext;
  readonly #perspective: Perspective;
  #isReleased = false;
  #calls: RemoteCalls<T> | undefined;
  /** The id of the object at the peer: a number, or the name under which it is published. */
  readonly id: ObjectId;

  /** Only the broker constructs references. */
  constructor(context: ConnectionContext, id: ObjectId, perspective: Perspective) {
    this.#context = context;
    this.id = id;
    this.#perspective = perspective;
  }

  /** Whether the object can be called: the connection is open and the reference was not released. */
  get isAlive(): boolean {
    return this.#context.connection.isOpen && !this.#isReleased;
  }

  /** The methods as functions: `reference.call.echo("hi")` is `reference.callRemote("echo", "hi")`. */
  get call(): RemoteCalls<T> {
    return (this.#calls ??= remoteCalls((name, args) => this.#call(name, args, undefined)) as RemoteCalls<T>);
  }

  /**
   * Calls a method and resolves with its result. A trailing `kwargs({…})` becomes keyword arguments.
   *
   * Rejects with `RemoteError` when the method failed, with `JellyError` when an argument or the result cannot be sent,
   * with `ConnectionLostError` when the connection ends before the answer (the method may or may not have run), and
   * with `DeadReferenceError` when the reference was released or its connection has ended.
   */
  callRemote<Name extends RemoteName<T>>(
    name: Name & RemoteName<T, Name>,
    ...args: RemoteArguments<T, Name>
  ): Promise<RemoteResult<T, Name>> {
    return this.#call(name, args, undefined) as Promise<RemoteResult<T, Name>>;
  }

  /**
   * The same ways to call, with options: `reference.with({ signal, timeoutMs: 500 }).call.echo("hi")`. Such a call also
   * rejects with `CallTimeoutError`, or with the reason of the signal. Throws `TypeError` for a `timeoutMs` that is not
   * a number of at least 0.
   */
  with(options: CallOptions): RemoteCaller<T> {
    checkCallOptions(options);
    return new RemoteCaller((name, args) => this.#call(name, args, options), options);
  }

  /**
   * Calls a method without an answer: neither its result nor its error is sent back. Throws `JellyError`,
   * `DeadReferenceError`, or `LimitError` when too many calls wait for a login.
   */
  sendRemote<Name extends RemoteName<T>>(name: Name, ...args: RemoteArguments<T, Name>): void {
    const dead = this.#deadError();
    if (dead !== undefined) throw dead;
    this.#context.caller.send(this.id, name, args, { perspective: this.#perspective, keepAlive: this });
  }

  /** Internal: {@link sendRemote} for `broadcast`. */
  sendShared(shared: SharedArguments, name: string, args: readonly unknown[]): void {
    this.#context.caller.send(this.id, name, args, { perspective: this.#perspective, keepAlive: this, shared });
  }

  /** Runs `callback` once, when the connection of the reference ends. Dispose of the result to unsubscribe. */
  notifyOnDisconnect(callback: (reference: this) => void): Disposable {
    return this.#context.connection.notifyOnDisconnect(() => callback(this));
  }

  /**
   * Resolves when the connection can take more messages: for sending much with {@link sendRemote}. Rejects when the
   * connection has ended.
   */
  drained(): Promise<void> {
    return this.#context.connection.drained();
  }

  /** Releases the object at the peer now, for all users of this reference. It cannot be called anymore. */
  [Symbol.dispose](): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#context.imports.release(this);
  }

  /** Internal: the id with which a reference is sent back to the peer it came from. */
  static homeId(reference: RemoteReference, context: ConnectionContext): ObjectId {
    if (reference.#context !== context)
      throw new JellyError("JELLY_NOT_JELLYABLE", "A reference can be sent only to the peer it came from");
    if (reference.#isReleased)
      throw new JellyError("JELLY_NOT_JELLYABLE", "A reference that was released cannot be sent");
    return reference.id;
  }

  /** Internal: the id of `value`, if it is a reference of this connection that was not released. */
  static idOf(value: object, context: ConnectionContext): ObjectId | undefined {
    return value instanceof RemoteReference && value.#context === context && !value.#isReleased ? value.id : undefined;
  }

  #deadError(): DeadReferenceError | undefined {
    if (this.#isReleased) return new DeadReferenceError("The reference was released");
    return this.#context.connection.isOpen
      ? undefined
      : new DeadReferenceError("The connection of the reference has ended");
  }

  #call(name: string, args: readonly unknown[], options: CallOptions | undefined): Promise<unknown> {
    const dead = this.#deadError();
    if (dead !== undefined) return Promise.reject(dead);
    const details = { ...options, perspective: this.#perspective, keepAlive: this };
    return this.#context.caller.call(this.id, name, args, details);
  }

  /** Shown by inspectors. Vue does not wrap objects with a tag, whose private members its proxies cannot reach. */
  get [Symbol.toStringTag](): string {
    return RemoteReference.name;
  }

  /** @internal */
  get [madeBy](): PackageCopy {
    return thisCopy;
  }
}

// Ways to call

/** Calls methods of a remote object with fixed options: `reference.with({ timeoutMs: 500 })` returns one. */
export class RemoteCaller<T = RemoteMethods> {
  readonly #invoke: Invoke;
  readonly #options: CallOptions | undefined;
  #calls: RemoteCalls<T> | undefined;

  /** `options` are those that `invoke` applies to a call: a transfer of pages applies them to all of it. */
  constructor(invoke: Invoke, options?: CallOptions) {
    this.#invoke = invoke;
    this.#options = options;
  }

  /** Internal: the options of `caller`, if it is one with options. */
  static optionsOf(caller: object): CallOptions | undefined {
    return caller instanceof RemoteCaller ? caller.#options : undefined;
  }

  /** The methods as functions: `call.echo("hi")` is `callRemote("echo", "hi")`. */
  get call(): RemoteCalls<T> {
    return (this.#calls ??= remoteCalls(this.#invoke) as RemoteCalls<T>);
  }

  /** Calls a method. A trailing `kwargs({…})` becomes keyword arguments. */
  callRemote<Name extends RemoteName<T>>(
    name: Name & RemoteName<T, Name>,
    ...args: RemoteArguments<T, Name>
  ): Promise<RemoteResult<T, Name>> {
    return this.#invoke(name, args) as Promise<RemoteResult<T, Name>>;
  }

  /** As that of a {@link RemoteReference}. */
  get [Symbol.toStringTag](): string {
    return RemoteCaller.name;
  }
}

// Types of calls

/** A remote object of unknown type: any method, any arguments, any result. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the caller knows the types
export type RemoteMethods = Record<string, (...args: any[]) => unknown>;

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a reference to any object
type AnyReference = RemoteReference<any>;

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
  Callee | undefined | bigint | Date | ReadonlyMap<unknown, unknown> | ArrayBuffer | Float | Promise<unknown>;

/**
 * The type with which a value of type `T` arrives: a reference for an object that stays at the other end, at any depth;
 * null for undefined, a `DateTime` for a `Date`, a record for a `Map` with text keys. {@link CannotBeSent} for what
 * cannot be sent.
 */
export type Received<T> = [T] extends [Plain] // also any
  ? T
  : T extends Plain | Scalar
    ? T
    : T extends Callee
      ? RemoteReference<T>
      : // eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- the result of a method without a return value
        T extends undefined | void
        ? null
        : T extends bigint
          ? number | bigint
          : T extends object
            ? [T] extends [Unchanged<T>]
              ? T
              : ReceivedObject<T>
            : T extends symbol
              ? CannotBeSent<AdviceFor<T>>
              : T;

type ReceivedObject<T extends object> = T extends readonly unknown[]
  ? T extends Tuple
    ? Tuple<Received<T[number]>> & ReceivedItems<T>
    : ReceivedItems<T>
  : IsUnsendable<T> extends true
    ? CannotBeSent<AdviceFor<T>>
    : T extends ReadonlyMap<infer Key, infer Value>
      ? ReceivedMap<Key, Value>
      : T extends FrozenSet<infer Member>
        ? FrozenSet<Received<Member>>
        : T extends Set<infer Member>
          ? Set<Received<Member>>
          : T extends ReadonlySet<infer Member>
            ? ReadonlySet<Received<Member>>
            : T extends Date
              ? DateTime
              : T extends Float
                ? number
                : T extends Uint8Array | ArrayBuffer
                  ? Uint8Array
                  : T extends RemoteReference<infer Home>
                    ? HomeOf<Home>
                    : T extends Promise<infer Value>
                      ? Received<Value>
                      : ReceivedProperties<T>;

type ReceivedProperties<T extends object> = T extends Literal
  ? { [Key in keyof T as Exclude<Key, symbol>]: Received<T[Key]> }
  : { [Key in keyof T]: T[Key] extends AnyFunction | AnyReference ? T[Key] : Received<T[Key]> };

/** Written so that the types of short tuples and of lists may contain themselves. */
type ReceivedItems<T extends readonly unknown[]> = number extends T["length"]
  ? T extends unknown[]
    ? Received<T[number]>[]
    : readonly Received<T[number]>[]
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
type ObjectWith<T> = string extends keyof T
  ? Referenceable
  : Referenceable & { [Key in MethodName<T> as `remote_${Key}`]: MethodOf<T, Key> };

/**
 * The type of an argument for a parameter of type `T`, which is the type of what arrives: for a reference, the object
 * itself; for an object of the other end, a reference to it; a `Date` too for a `DateTime`, a `Map` with text keys too
 * for a record. {@link CannotBeSent} for what never arrives.
 */
export type Sendable<T, Whole = T> =
  IsAny<T> extends true
    ? T
    : T extends Plain
      ? T
      : T extends bigint
        ? number extends Whole
          ? T
          : CannotBeSent<"a bigint arrives as a number if it is a safe integer: declare number | bigint">
        : T extends undefined
          ? CannotBeSent<"undefined arrives as null: declare null, or an optional property">
          : T extends object
            ? SendableObject<T, Whole>
            : T extends symbol
              ? CannotBeSent<AdviceFor<T>>
              : T;

type SendableObject<T extends object, Whole> = T extends Kwargs
  ? SendableKwargs<T>
  : T extends RemoteReference<infer Home>
    ? Home extends Callee
      ? Home
      : string extends keyof Home
        ? Callee
        : ObjectWith<Home>
    : T extends Viewable
      ? CannotBeSent<"a Viewable arrives as a ViewPoint: declare ViewPoint">
      : T extends ViewPoint
        ? AnyReference
        : T extends Referenceable | Avatar
          ? RemoteReference<T>
          : T extends DateTime
            ? T | Date
            : T extends Scalar
              ? T
              : T extends readonly unknown[]
                ? T extends Tuple
                  ? Tuple<Sendable<T[number]>> & SendableItems<T>
                  : SendableItems<T>
                : T extends Uint8Array
                  ? IsPlainBytes<T> extends true
                    ? Uint8Array | ArrayBuffer
                    : CannotBeSent<"bytes arrive as a Uint8Array: declare Uint8Array">
                  : SendableCollection<T, Whole>;

type SendableItems<T extends readonly unknown[]> = number extends T["length"]
  ? T extends unknown[]
    ? Sendable<T[number]>[]
    : readonly Sendable<T[number]>[]
  : T extends [infer First, infer Second]
    ? [Sendable<First>, Sendable<Second>]
    : T extends [infer First, infer Second, infer Third]
      ? [Sendable<First>, Sendable<Second>, Sendable<Third>]
      : { [Key in keyof T]: Sendable<T[Key]> };

type SendableCollection<T extends object, Whole> =
  IsUnsendable<T> extends true
    ? CannotBeSent<AdviceFor<T>>
    : T extends ReadonlyMap<infer Key, infer Value>
      ? HasText<Key> extends true
        ? Record<string, never> extends Whole
          ? ReadonlyMap<Sendable<Key>, Sendable<Value>>
          : CannotBeSent<"a Map with text keys arrives as a plain object: declare Record<string, …>">
        : ReadonlyMap<Sendable<Key>, Sendable<Value>>
      : T extends FrozenSet<infer Member>
        ? FrozenSet<Sendable<Member>>
        : T extends Set<infer Member>
          ? Set<Sendable<Member>>
          : T extends ReadonlySet<infer Member>
            ? ReadonlySet<Sendable<Member>>
            : T extends Date
              ? CannotBeSent<"a Date arrives as a DateTime: declare DateTime">
              : T extends Float
                ? CannotBeSent<"a Float arrives as a number: declare number">
                : T extends ArrayBuffer
                  ? CannotBeSent<"bytes arrive as a Uint8Array: declare Uint8Array">
                  : T extends Promise<unknown>
                    ? CannotBeSent<"a promise cannot be an argument: await it before the call">
                    : T extends ReceivedCopy
                      ? T | SentCopy
                      : string extends keyof T
                        ? SendableProperties<T> | ReadonlyMap<string, Sendable<T[keyof T]>>
                        : SendableProperties<T>;

type SendableProperties<T extends object> = T extends Error
  ? T
  : T extends Literal
    ? { [Key in keyof T]: Sendable<T[Key]> }
    : { [Key in keyof T]: T[Key] extends AnyFunction ? T[Key] : Sendable<T[Key]> };

type SendableKwargs<T extends Kwargs> = Kwargs & {
  readonly [Key in keyof T as Exclude<Key, keyof Kwargs>]: SendableArgument<T[Key]>;
};

/** An argument of the call itself: one that is undefined is not sent, if it is the last. */
type SendableArgument<T> = [T] extends [Plain | undefined]
  ? T
  : Sendable<Exclude<T, undefined>> | Extract<T, undefined>;

/**
 * The names of the methods of `T` that can be called remotely: its prefixed methods, or all methods of an interface
 * without prefixes. With `Called`: that name, or a {@link CannotBeSent} when the result of the method cannot be sent.
 */
export type RemoteName<T, Called = never> = [Called] extends [never]
  ? MethodName<T>
  : MethodOf<T, Called & string> extends (...args: never) => infer Result
    ? [Result] extends [SentBy<Result>]
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
        ? PositionalOrKeywords<Args>
        : [...PositionalOrKeywords<Args>, kwargs?: Kwargs]
    : never;

/** The parameters of most methods, none of which is optional: the compiler has nothing to compute. */
type FewPlain = [] | [Plain] | [Plain, Plain] | [Plain, Plain, Plain];

/**
 * One tuple instead of a union of tuples, so that the compiler can name the wrong argument. It therefore accepts
 * `kwargs` twice.
 */
type PositionalOrKeywords<Args extends readonly unknown[]> = {
  [Key in keyof Args]: IsOptional<Args, Key> extends true
    ? SendableArgument<Args[Key]> | Kwargs
    : SendableArgument<Args[Key]>;
};

// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- an empty object type is meant: it has no required property
type IsOptional<Args, Key extends keyof Args> = {} extends Pick<Args, Key> ? true : false;

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

type ResultFor<Result> = Arrival<Awaited<Result>>[IsPlain<Awaited<Result>>];

/** Members of an interface, because the compiler infers nothing from them, and looks only at the one it needs. */
interface Arrival<T> {
  readonly plain: T;
  readonly other: Received<T>;
}

type IsPlain<T> = [T] extends [Plain] ? "plain" : "other";

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
type CallsOf<Method> =
  IsAny<Method> extends true
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

type Call<Args, Result> = [Result] extends [SentBy<Result>]
  ? (...args: ArgumentsFor<Args>) => Promise<ResultFor<Result>>
  : CannotBeSent<ProblemOf<Result>>;
