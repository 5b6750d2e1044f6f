// The other side's objects: what `(remote id)` arrives as and `(local id)` goes home with (wire specification 5.5, 5.6).

import { JellyError } from "@pb/jelly-types";
import type { DateTime, TypeHandler } from "@pb/jelly-types";
import type { Perspective } from "../calls/callable.js";
import { incoming, outgoing } from "../references/graph-context.js";
import type { Channel } from "../references/graph-context.js";
import type { CallOptions } from "../calls/call-options.js";
import { DeadReferenceError } from "../errors.js";
import type { Kwargs } from "../wire/kwargs.js";
import type { ObjectId } from "../wire/messages.js";
import type { SharedArguments } from "../references/shared-arguments.js";
import type { Avatar, Viewable } from "./perspective.js";
import type { Referenceable } from "./referenceable.js";

/** The methods of a remote object as functions. Still visibly calls: each returns a promise, and can fail as a call can. */
export type RemoteCalls<T> = {
  readonly [Name in RemoteName<T>]: (...args: RemoteArguments<T, Name>) => Promise<RemoteResult<T, Name>>;
};

/** `calls.echo("hi")` for `callRemote("echo", "hi")`: an object that has a function for every name. */
export function callsOf(method: (name: string) => unknown): object {
  return new Proxy(Object.create(null) as object, {
    // Not a promise: whoever awaits it by mistake must not call a method `then`.
    get: (_target, name) => (typeof name === "symbol" || name === "then" ? undefined : method(name)),
  });
}

/** What can be done with a remote object, or with a local one that is treated alike (`asLocal`). */
export interface Reference<T = RemoteMethods> extends Disposable {
  /** Whether it can be called. */
  readonly isAlive: boolean;
  readonly call: RemoteCalls<T>;
  callRemote<Name extends RemoteName<T>>(name: Name, ...args: RemoteArguments<T, Name>): Promise<RemoteResult<T, Name>>;
  callRemoteWith<Name extends RemoteName<T>>(
    options: CallOptions,
    name: Name,
    ...args: RemoteArguments<T, Name>
  ): Promise<RemoteResult<T, Name>>;
  sendRemote<Name extends RemoteName<T>>(name: Name, ...args: RemoteArguments<T, Name>): void;
  remoteMethod<Name extends RemoteName<T>>(
    name: Name,
  ): (...args: RemoteArguments<T, Name>) => Promise<RemoteResult<T, Name>>;
  notifyOnDisconnect(callback: (reference: this) => void): Disposable;
  drained(): Promise<void>;
}

/**
 * A reference to an object of the peer. There is one per object and connection. The peer keeps its object until the reference is collected, or
 * disposed of with `using` or {@link Symbol.dispose}, or the connection ends.
 *
 * `T` is the class of the object, or an interface of its methods: `RemoteReference<Echo>` knows `echo` from `remote_echo`.
 */
export class RemoteReference<T = RemoteMethods> implements Reference<T> {
  readonly #channel: Channel;
  readonly #perspective: Perspective;
  #isReleased = false;
  #calls: RemoteCalls<T> | undefined;
  /** What the peer calls it: a number, or the name it is published under. */
  readonly id: ObjectId;

  /** For the broker, which makes all references. */
  constructor(channel: Channel, id: ObjectId, perspective: Perspective) {
    this.#channel = channel;
    this.id = id;
    this.#perspective = perspective;
  }

  /** Whether it can be called: its connection is up and it was not released. */
  get isAlive(): boolean {
    return this.#channel.isOpen && !this.#isReleased;
  }

  /**
   * Calls a method and resolves with its result. A trailing `kwargs({…})` becomes keyword arguments.
   *
   * Rejects with `RemoteError` when the method failed, `JellyError` when an argument or the result cannot travel, `ConnectionLostError` when the
   * connection ends first (whether the method ran is then not known), `DeadReferenceError` when this reference is of no use any more.
   */
  callRemote<Name extends RemoteName<T>>(
    name: Name,
    ...args: RemoteArguments<T, Name>
  ): Promise<RemoteResult<T, Name>> {
    return this.#call(name, args, undefined);
  }

  /** As {@link callRemote}; rejects with `CallTimeoutError` or the signal's reason when the answer does not come in time. */
  callRemoteWith<Name extends RemoteName<T>>(
    options: CallOptions,
    name: Name,
    ...args: RemoteArguments<T, Name>
  ): Promise<RemoteResult<T, Name>> {
    return this.#call(name, args, options);
  }

  /** Calls a method without wanting an answer, not even an error. Throws `JellyError` or `DeadReferenceError`. */
  sendRemote<Name extends RemoteName<T>>(name: Name, ...args: RemoteArguments<T, Name>): void {
    const dead = this.#deathOf();
    if (dead !== undefined) throw dead;
    this.#channel.send(this.id, name, args, { perspective: this.#perspective, pins: this });
  }

  /** Not part of the interface: {@link sendRemote} for `broadcast`. */
  sendShared(shared: SharedArguments, name: string, args: readonly unknown[]): void {
    this.#channel.send(this.id, name, args, { perspective: this.#perspective, pins: this, shared });
  }

  /** One method as a function (`twisted.spread.pb.RemoteMethod`). */
  remoteMethod<Name extends RemoteName<T>>(
    name: Name,
  ): (...args: RemoteArguments<T, Name>) => Promise<RemoteResult<T, Name>> {
    return (...args) => this.callRemote(name, ...args);
  }

  /** `reference.call.echo("hi")` is `reference.callRemote("echo", "hi")`. */
  get call(): RemoteCalls<T> {
    return (this.#calls ??= callsOf((name) => this.remoteMethod(name as RemoteName<T>)) as RemoteCalls<T>);
  }

  /** Runs `callback` once the connection of this reference is over; dispose of what it returns to stop that. */
  notifyOnDisconnect(callback: (reference: this) => void): Disposable {
    return this.#channel.connection.notifyOnDisconnect(() => callback(this));
  }

  /** Resolves when the connection has room for more: for who sends much and wants no answers. Rejects when it is over. */
  drained(): Promise<void> {
    return this.#channel.connection.drained();
  }

  /** Gives the object back to the peer now, for all who share this reference. It cannot be called any more. */
  [Symbol.dispose](): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#channel.held.release(this);
  }

  /** Not part of the interface: how a reference travels home. */
  static homeward(reference: RemoteReference, channel: Channel): ObjectId {
    if (reference.#channel !== channel) {
      throw new JellyError("JELLY_NOT_JELLYABLE", "A reference can be sent only to the peer it came from");
    }
    if (reference.#isReleased)
      throw new JellyError("JELLY_NOT_JELLYABLE", "A reference that was released cannot be sent");
    return reference.id;
  }

  #deathOf(): DeadReferenceError | undefined {
    if (this.#isReleased) return new DeadReferenceError("The reference was released");
    return this.#channel.isOpen ? undefined : new DeadReferenceError("The connection of the reference is over");
  }

  #call<Name extends RemoteName<T>>(
    name: Name,
    args: RemoteArguments<T, Name>,
    options: CallOptions | undefined,
  ): Promise<RemoteResult<T, Name>> {
    const dead = this.#deathOf();
    if (dead !== undefined) return Promise.reject(dead);
    const how = { ...options, perspective: this.#perspective, pins: this };
    return this.#channel.call(this.id, name, args, how) as Promise<RemoteResult<T, Name>>;
  }
}

/** `(remote id)`: an object of the peer. */
export const arriving: TypeHandler<RemoteReference> = {
  atoms: ["remote"],
  classes: [RemoteReference],
  identity: false,
  jelly(value, jellier) {
    const id = RemoteReference.homeward(value, outgoing(jellier, value).channel);
    jellier.writer.list(2);
    jellier.writer.word("local");
    if (typeof id === "number") jellier.writer.integer(id);
    else jellier.writer.text(id);
  },
  unjelly(unjellier, items, atom) {
    const arriving = incoming(unjellier, atom);
    const id = items === 1 && unjellier.reader.kind() === "integer" ? unjellier.reader.integer() : undefined;
    if (typeof id !== "number") throw new JellyError("JELLY_MALFORMED", "A remote object has a number");
    return arriving.arrived(id);
  },
};

/** `(local id)`: an object of ours coming home. Null when we do not know it, as in Twisted: it may be gone since. */
export const homecoming: TypeHandler = {
  atoms: ["local"],
  classes: [],
  jelly: () => undefined,
  unjelly(unjellier, items, atom) {
    const { channel } = incoming(unjellier, atom);
    const kind = items === 1 ? unjellier.reader.kind() : "nothing";
    if (kind !== "integer" && kind !== "bytes")
      throw new JellyError("JELLY_MALFORMED", "A local object has a number or a name");
    const id = kind === "integer" ? Number(unjellier.reader.integer()) : unjellier.reader.text();
    return channel.home(id) ?? null;
  },
};

// How the types of a class become the types of calls on a reference to it

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

/** Whether something is more than data. A class with methods crosses as the class that the other side has for it. */
type HasMethods<T> = true extends { [Key in keyof T]: T[Key] extends AnyFunction ? true : never }[keyof T]
  ? true
  : false;

type IsAny<T> = 0 extends 1 & T ? true : false;

/** What is the same on both sides. */
type Plain = string | number | boolean | null | Uint8Array;

/**
 * What a result of type `T` is on this side: a reference where the other side has the object, also in lists, tuples, dicts and plain objects;
 * null for nothing, a `DateTime` for a `Date`, a record for a `Map` with text as its keys.
 */
export type Crossing<T> =
  IsAny<T> extends true
    ? T
    : T extends Plain
      ? T
      : T extends Referenceable | Viewable | Avatar
        ? RemoteReference<T>
        : // eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- a method that returns nothing
          T extends undefined | void
          ? null
          : T extends bigint
            ? number | bigint
            : T extends Date
              ? DateTime
              : T extends ReadonlyMap<infer Key, infer Value>
                ? [Key] extends [string]
                  ? Record<string, Crossing<Value>>
                  : Map<Key, Crossing<Value>>
                : T extends readonly unknown[]
                  ? { [Key in keyof T]: Crossing<T[Key]> }
                  : T extends object
                    ? HasMethods<T> extends true
                      ? T
                      : { [Key in keyof T]: Crossing<T[Key]> }
                    : T;

/**
 * What can be given for a parameter of type `T`: where the method takes a reference, the object itself will do; where it takes an object of its
 * own side, the reference to that.
 */
export type Giving<T> =
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
              ? { [Key in keyof T]: Giving<T[Key]> }
              : T extends object
                ? HasMethods<T> extends true
                  ? T
                  : { [Key in keyof T]: Giving<T[Key]> }
                : T;

/**
 * The arguments of a call. Where the method takes a reference, the object itself can be given. `kwargs({…})` may stand behind them, and in the
 * place of what may be left out; where the method declares its last parameter as `KwargsOf<…>`, only what that says.
 */
export type RemoteArguments<T, Name extends string> =
  MethodOf<T, Name> extends (...args: infer Args) => unknown
    ? Required<Args> extends [...unknown[], Kwargs]
      ? { [Key in keyof Args]: Giving<Args[Key]> }
      : number extends Args["length"]
        ? PositionalOrKeywords<Args>
        : [...PositionalOrKeywords<Args>, kwargs?: Kwargs]
    : never;

/** One tuple, not a union of them: the compiler then says which argument is wrong. That it takes `kwargs` twice is the price. */
type PositionalOrKeywords<Args extends readonly unknown[]> = {
  [Key in keyof Args]: IsOptional<Args, Key> extends true ? Giving<Args[Key]> | Kwargs : Giving<Args[Key]>;
};

// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- exactly that: what has nothing will do
type IsOptional<Args, Key extends keyof Args> = {} extends Pick<Args, Key> ? true : false;

/** The result of a call: promises unwrapped, objects that stay there as references. */
export type RemoteResult<T, Name extends string> =
  MethodOf<T, Name> extends (...args: never) => infer Result ? Crossing<Awaited<Result>> : never;
