// References to objects of the peer, the ways to call them, and the types of such calls.

import { madeBy } from "@pb/banana";
import type { PackageCopy } from "@pb/banana";
import { JellyError } from "@pb/jelly-types";
import type { DateTime } from "@pb/jelly-types";
import { checkCallOptions } from "../calls/call-options.js";
import type { CallOptions } from "../calls/call-options.js";
import type { Perspective } from "../calls/callable.js";
import { DeadReferenceError } from "../errors.js";
import type { ConnectionContext } from "../references/graph-context.js";
import type { SharedArguments } from "../references/shared-arguments.js";
import type { Kwargs } from "../wire/kwargs.js";
import type { ObjectId } from "../wire/messages.js";
import type { Avatar, Viewable } from "./perspective.js";
import type { Referenceable } from "./referenceable.js";
import { thisCopy } from "../this-copy.js";

/** The interface of a {@link RemoteReference}, which references to local objects (`asLocal`) have too. */
export interface Reference<T = RemoteMethods> extends Disposable {
  /** Whether the object can be called. */
  readonly isAlive: boolean;
  /** The methods as functions: `reference.call.echo("hi")` is `reference.callRemote("echo", "hi")`. */
  readonly call: RemoteCalls<T>;
  /** Calls a method and resolves with its result. */
  callRemote<Name extends RemoteName<T>>(name: Name, ...args: RemoteArguments<T, Name>): Promise<RemoteResult<T, Name>>;
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
    return (this.#calls ??= callsThrough((name, args) => this.#call(name, args, undefined)));
  }

  /**
   * Calls a method and resolves with its result. A trailing `kwargs({…})` becomes keyword arguments.
   *
   * Rejects with `RemoteError` when the method failed, with `JellyError` when an argument or the result cannot be sent,
   * with `ConnectionLostError` when the connection ends before the answer (the method may or may not have run), and
   * with `DeadReferenceError` when the reference was released or its connection has ended.
   */
  callRemote<Name extends RemoteName<T>>(
    name: Name,
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
    return new RemoteCaller((name, args) => this.#call(name, args, options));
  }

  /**
   * Calls a method without an answer: neither its result nor its error is sent back. Throws `JellyError` or
   * `DeadReferenceError`.
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

  /** @internal */
  get [madeBy](): PackageCopy {
    return thisCopy;
  }
}

// Ways to call

/** What {@link RemoteCaller} does for each call. */
export type Invoke = (name: string, args: readonly unknown[]) => Promise<unknown>;

/** Calls methods of a remote object with fixed options: `reference.with({ timeoutMs: 500 })` returns one. */
export class RemoteCaller<T = RemoteMethods> {
  readonly #invoke: Invoke;
  #calls: RemoteCalls<T> | undefined;

  constructor(invoke: Invoke) {
    this.#invoke = invoke;
  }

  /** The methods as functions: `call.echo("hi")` is `callRemote("echo", "hi")`. */
  get call(): RemoteCalls<T> {
    return (this.#calls ??= callsThrough(this.#invoke));
  }

  /** Calls a method. A trailing `kwargs({…})` becomes keyword arguments. */
  callRemote<Name extends RemoteName<T>>(
    name: Name,
    ...args: RemoteArguments<T, Name>
  ): Promise<RemoteResult<T, Name>> {
    return this.#invoke(name, args) as Promise<RemoteResult<T, Name>>;
  }
}

/** An object with a function for every name, each of which calls `invoke`. */
export function callsThrough<T>(invoke: Invoke): RemoteCalls<T> {
  return new Proxy(Object.create(null) as RemoteCalls<T>, {
    // It has no method `then`, so that awaiting it by mistake does not call the peer.
    get: (_target, name) =>
      typeof name === "symbol" || name === "then" ? undefined : (...args: unknown[]) => invoke(name, args),
  });
}

// Types of calls

/** A remote object of unknown type: any method, any arguments, any result. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the caller knows the types
export type RemoteMethods = Record<string, (...args: any[]) => unknown>;

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- any function
type AnyFunction = (...args: any[]) => unknown;

/**
 * The name without its prefix: `remote_echo` is called as `echo`, `perspective_whoami` as `whoami`, `view_read` as
 * `read`.
 */
type Unprefixed<Key> = Key extends `remote_${infer Name}`
  ? Name
  : Key extends `perspective_${infer Name}`
    ? Name
    : Key extends `view_${infer Name}`
      ? Name
      : never;

type FunctionKeys<T> = { [Key in keyof T]: T[Key] extends AnyFunction ? Key : never }[keyof T] & string;

/**
 * The names of the methods of `T` that can be called remotely: its prefixed methods, or all methods of an interface
 * without prefixes.
 */
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

/**
 * Whether a type has methods. An object with methods arrives as an instance of the class that the receiving end
 * registered for it.
 */
type HasMethods<T> = true extends { [Key in keyof T]: T[Key] extends AnyFunction ? true : never }[keyof T]
  ? true
  : false;

type IsAny<T> = 0 extends 1 & T ? true : false;

/** Types that arrive as they were sent. */
type Plain = string | number | boolean | null | Uint8Array;

/**
 * The type with which a result of type `T` arrives: a reference for an object that stays at the other end, also within
 * lists, tuples, dicts and plain objects; null for undefined, a `DateTime` for a `Date`, a record for a `Map` whose
 * keys are text.
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
 * The type of an argument for a parameter of type `T`: for a reference, the object itself can be passed; for an object
 * of the other end, a reference to it.
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
 * The arguments of a call (see {@link Sendable}). `kwargs({…})` may follow them, and may replace optional arguments.
 * Where the last parameter of the method is a `KwargsOf<…>`, only keyword arguments of that type are accepted.
 */
export type RemoteArguments<T, Name extends string> =
  MethodOf<T, Name> extends (...args: infer Args) => unknown
    ? Required<Args> extends [...unknown[], Kwargs]
      ? { [Key in keyof Args]: Sendable<Args[Key]> }
      : number extends Args["length"]
        ? PositionalOrKeywords<Args>
        : [...PositionalOrKeywords<Args>, kwargs?: Kwargs]
    : never;

/**
 * One tuple instead of a union of tuples, so that the compiler can name the wrong argument. It therefore accepts
 * `kwargs` twice.
 */
type PositionalOrKeywords<Args extends readonly unknown[]> = {
  [Key in keyof Args]: IsOptional<Args, Key> extends true ? Sendable<Args[Key]> | Kwargs : Sendable<Args[Key]>;
};

// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- an empty object type is meant: it has no required property
type IsOptional<Args, Key extends keyof Args> = {} extends Pick<Args, Key> ? true : false;

/** The result of a call: promises are unwrapped, and objects that stay at the other end are references. */
export type RemoteResult<T, Name extends string> =
  MethodOf<T, Name> extends (...args: never) => infer Result ? Received<Awaited<Result>> : never;

/**
 * The methods of a remote object as functions. They are visibly remote: each returns a promise, which rejects as
 * `callRemote` does.
 */
export type RemoteCalls<T> = {
  readonly [Name in RemoteName<T>]: (...args: RemoteArguments<T, Name>) => Promise<RemoteResult<T, Name>>;
};
