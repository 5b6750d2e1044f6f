// References to objects of the peer, and the ways to call them.

import { addDisposal, dispose, madeBy, refuseProxies } from "@pb/banana";
import type { PackageCopy } from "@pb/banana";
import { JellyError } from "@pb/jelly-types";
import { inheritedDetails, runningCalls } from "../calls/call-context.js";
import { checkCallOptions } from "../calls/call-options.js";
import type { CallOptions } from "../calls/call-options.js";
import type { Perspective } from "../calls/callable.js";
import { remoteCalls } from "../calls/remote-calls.js";
import type { ContractBinder, Invoke } from "../calls/remote-calls.js";
import type { DeadlineOptions } from "../deadline.js";
import { ConnectionLostError, DeadReferenceError, releasedError } from "../errors.js";
import type { ConnectionContext, OnceTicket } from "../references/graph-context.js";
import type { SharedArguments } from "../references/shared-arguments.js";
import { requireCallback } from "../subscriptions.js";
import type { ObjectId } from "../wire/messages.js";
import { addIteration, noteSignal, readStream } from "./stream-reader.js";
import { shareOf } from "./stream-share.js";
import type { StreamReader } from "./stream-reader.js";
import type { RemoteArguments, RemoteCalls, RemoteMethods, RemoteName, RemoteResult } from "./call-types.js";
import type { PlatformReadable } from "./value-types.js";
import { thisCopy } from "../this-copy.js";

/**
 * The interface of a {@link RemoteReference}, which references to local objects (`asLocal`) have too. The members are
 * those of the class, so that the compiler need not compare them.
 */
export interface Reference<out T = RemoteMethods>
  extends
    Disposable,
    Pick<RemoteReference<T>, "isAlive" | "call" | "callRemote" | "pipe" | "with" | "as" | "sendRemote" | "drained"> {
  /** Runs `callback` once, when the connection of the reference ends. Dispose of the result to unsubscribe. */
  notifyOnDisconnect(callback: (reference: this) => void): Disposable;
}

/**
 * A reference to an object of the peer. There is one per object and connection. The peer keeps the object until the
 * reference is collected or disposed of (`using`, {@link Symbol.dispose}), or the connection ends.
 *
 * `T` is the class of the object, or an interface of its methods: `RemoteReference<Echo>` has the method `echo` if
 * `Echo` has `remote_echo`.
 */
export class RemoteReference<out T = RemoteMethods> implements Reference<T> {
  static {
    addDisposal(this);
    addIteration(this, (reference) => reference.#read({}));
    refuseProxies(this, (object) => #context in object);
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
    name: RemoteName<T, Name>,
    ...args: RemoteArguments<T, Name>
  ): Promise<RemoteResult<T, Name>> {
    return this.#call(name, args, undefined) as Promise<RemoteResult<T, Name>>;
  }

  /**
   * Calls a method whose result is called before it has arrived: `reference.pipe("thing").call.hi()`. The result is a
   * promise, and a reference whose calls are sent at once. A peer with this library or `txpb` runs them when the first
   * call has finished, so that a chain of calls takes one round trip; for another peer, each call waits for the result
   * before it. Arguments must not change until then.
   *
   * When the first call fails, the others reject with a `RemoteError` of the type `pbx.DependencyFailed`, whose cause
   * is the error of the first. When its result is not a reference, they reject with one of the type
   * `pbx.NotAReference`.
   */
  pipe<Name extends RemoteName<T>>(
    name: RemoteName<T, Name>,
    ...args: RemoteArguments<T, Name>
  ): Pipelined<RemoteResult<T, Name>> {
    return this.#pipe(name, args, undefined) as Pipelined<RemoteResult<T, Name>>;
  }

  /**
   * The same ways to call, with options: `reference.with({ signal, timeoutMs: 500 }).call.echo("hi")`. Such a call also
   * rejects with `CallTimeoutError`, or with the reason of the signal. Throws `TypeError` for a `timeoutMs` that is not
   * a number of at least 0.
   */
  with(options: CallOptions): RemoteCaller<T> {
    checkCallOptions(options);
    return new RemoteCaller(
      (name, args) => this.#call(name, args, options),
      options,
      (name, args) => this.#pipe(name, args, options),
      () => this.#read(options),
    );
  }

  /**
   * Calls methods by a contract, which gives their types and checks the results: `root.as(contract({ … }))`, with
   * `contract` of `@pb/broker/schema`.
   */
  as<Caller>(contract: ContractBinder<Caller>): Caller {
    return contract.bindTo((name, args) => this.#call(name, args, undefined));
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
    requireCallback(callback);
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
    if (!(#context in reference))
      throw new JellyError("JELLY_NOT_JELLYABLE", "A proxy of a reference cannot be sent: send the reference itself");
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

  /** Internal: makes a call that must run once. A local object is simply called. */
  static async callOnce(
    reference: RemoteReference,
    once: OnceTicket,
    options: CallOptions,
    name: string,
    args: readonly unknown[],
  ): Promise<unknown> {
    if (!(#context in reference)) return (reference as RemoteReference).with(options).callRemote(name, ...args);
    const dead = reference.#deadError();
    if (dead !== undefined) throw dead;
    await reference.#context.caller.prepare(once);
    options.signal?.throwIfAborted();
    return reference.#call(name, args, { ...options, once });
  }

  #deadError(): DeadReferenceError | undefined {
    if (this.#isReleased) return releasedError();
    return this.#context.connection.isOpen
      ? undefined
      : new DeadReferenceError("The connection of the reference has ended");
  }

  /** Reads the stream whose source this is a reference to. */
  #read(options: DeadlineOptions): StreamReader {
    const origin = {
      next: (count: number, signal: AbortSignal) => this.#pull(count, signal),
      release: () => this[dispose](),
      share: shareOf(this.#context),
    };
    return readStream(this, origin, options);
  }

  /** Asks the source for items. Only a program that released the reference learns that it is dead. */
  async #pull(count: number, signal: AbortSignal): Promise<unknown> {
    const details = { perspective: this.#perspective, keepAlive: this, isPull: true, signal };
    const dead = this.#deadError();
    if (dead === undefined) return this.#context.caller.call(this.id, "next", [count], details);
    if (this.#isReleased) throw dead;
    throw new ConnectionLostError("lost", "The connection ended before the stream", { cause: dead });
  }

  #call(
    name: string,
    args: readonly unknown[],
    options: (CallOptions & { readonly once?: OnceTicket }) | undefined,
  ): Promise<unknown> {
    const dead = this.#deadError();
    if (dead !== undefined) return Promise.reject(dead);
    const own = { perspective: this.#perspective, keepAlive: this };
    // Nothing to merge in most calls (bench `hundred`).
    const details = options === undefined ? own : { ...options, ...own };
    return this.#context.caller.call(this.id, name, args, details);
  }

  #pipe(name: string, args: readonly unknown[], options: CallOptions | undefined): object {
    const details = { ...options, perspective: this.#perspective, keepAlive: this };
    return this.#context.caller.pipe(this.id, name, args, details, this.#deadError());
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

// Streams

/** The method by which a stream is read without the iteration. */
interface StreamMethods<Item> {
  /**
   * At least one item and at most `count` (1 to 1,024, default 1); fewer when no more are there, or when they take 128
   * KiB. An empty list is the end. The source takes items from its stream only when they are asked for.
   */
  next(count?: number): Item[];
}

/**
 * A stream that has arrived: an async iterable or a `ReadableStream` of the peer. Iterate over it once, with `for
 * await`. At most a few megabytes are on the way or wait, at both ends. Leaving the loop releases the stream, and its
 * source is closed; so does the end of the connection, which rejects with `ConnectionLostError`. An error of the source
 * rejects as that of a call. A second iteration throws `TypeError`.
 *
 * The signal of the call that it is the result of ends the iteration too.
 */
export interface RemoteStream<Item = unknown> extends RemoteReference<StreamMethods<Item>>, AsyncIterable<Item> {
  /** The same as a `ReadableStream`, which asks for items when it is read. */
  readonly readable: PlatformReadable<Item>;
  /** Iterate over the result to end the iteration by `signal`, and when an item takes longer than `timeoutMs`. */
  with(options: CallOptions): RemoteCaller<StreamMethods<Item>> & AsyncIterable<Item>;
}

// Ways to call

/** Calls methods of a remote object with fixed options: `reference.with({ timeoutMs: 500 })` returns one. */
export class RemoteCaller<out T = RemoteMethods> {
  static {
    addIteration(this, (caller) => {
      if (caller.#read === undefined) throw new TypeError("This object cannot be read as a stream");
      return caller.#read();
    });
    refuseProxies(this, (object) => #invoke in object);
  }

  readonly #invoke: Invoke;
  readonly #options: CallOptions | undefined;
  readonly #pipe: InvokePipe | undefined;
  readonly #read: (() => StreamReader) | undefined;
  #calls: RemoteCalls<T> | undefined;

  /**
   * `options` are those that `invoke` applies to a call: a transfer of pages applies them to all of it. `pipe` makes a
   * call whose result is called before it has arrived; without it, {@link pipe} throws `TypeError`. `read` reads the
   * object as a stream.
   */
  constructor(invoke: Invoke, options?: CallOptions, pipe?: InvokePipe, read?: () => StreamReader) {
    this.#invoke = invoke;
    this.#options = options;
    this.#pipe = pipe;
    this.#read = read;
  }

  /** Throws `TypeError` for an unknown option of a call, and for a wrong value. For callers that call later. */
  static check(options: CallOptions): void {
    checkCallOptions(options);
  }

  /** Internal: the options of `caller`, if it is one with options. */
  static optionsOf(caller: object): CallOptions | undefined {
    return caller instanceof RemoteCaller ? caller.#options : undefined;
  }

  /**
   * The options of a call, with the deadline and the trace of the call of a peer for which it is made if it has none.
   * For callers that wait before they call: behind an `await`, browsers cannot tell for which call they do that.
   */
  static inherit<Options extends CallOptions>(options: Options): Options {
    return runningCalls.areUsed ? inheritedDetails(options) : options;
  }

  /**
   * Internal: the signal that the program has given for a call also ends the stream that is its result. For callers
   * that call with a signal of their own, which does not abort after the call.
   */
  static noteSignal(result: unknown, signal: AbortSignal | undefined): void {
    if (signal !== undefined) noteSignal(result, signal);
  }

  /** The methods as functions: `call.echo("hi")` is `callRemote("echo", "hi")`. */
  get call(): RemoteCalls<T> {
    return (this.#calls ??= remoteCalls(this.#invoke) as RemoteCalls<T>);
  }

  /** Calls a method. A trailing `kwargs({…})` becomes keyword arguments. */
  callRemote<Name extends RemoteName<T>>(
    name: RemoteName<T, Name>,
    ...args: RemoteArguments<T, Name>
  ): Promise<RemoteResult<T, Name>> {
    return this.#invoke(name, args) as Promise<RemoteResult<T, Name>>;
  }

  /** Calls a method whose result is called before it has arrived: see {@link RemoteReference.pipe}. */
  pipe<Name extends RemoteName<T>>(
    name: RemoteName<T, Name>,
    ...args: RemoteArguments<T, Name>
  ): Pipelined<RemoteResult<T, Name>> {
    if (this.#pipe === undefined) throw new TypeError("Results of this object cannot be called before they arrive");
    return this.#pipe(name, args) as Pipelined<RemoteResult<T, Name>>;
  }

  /** Calls methods by a contract: see {@link RemoteReference.as}. */
  as<Caller>(contract: ContractBinder<Caller>): Caller {
    return contract.bindTo(this.#invoke);
  }

  /** As that of a {@link RemoteReference}. */
  get [Symbol.toStringTag](): string {
    return RemoteCaller.name;
  }
}

// Calls to results that have not arrived

/** What makes a call whose result is called before it has arrived. */
type InvokePipe = (name: string, args: readonly unknown[]) => object;

/** A promise of the result of a call, and a reference to it if it is one: see {@link RemoteReference.pipe}. */
export type Pipelined<Result> = unknown extends Result // also any
  ? Promise<Result> & Reference
  : Result extends RemoteReference<infer T>
    ? Promise<Result> & Reference<T>
    : Promise<Result>;
