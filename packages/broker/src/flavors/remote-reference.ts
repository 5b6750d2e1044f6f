// References to objects of the peer: received as `(remote id)`, sent back as `(local id)` (wire specification 5.5, 5.6).

import { JellyError } from "@pb/jelly-types";
import type { TypeHandler } from "@pb/jelly-types";
import type { CallOptions } from "../calls/call-options.js";
import type { Perspective } from "../calls/callable.js";
import { DeadReferenceError } from "../errors.js";
import { incomingGraph, outgoingGraph } from "../references/graph-context.js";
import type { ConnectionContext } from "../references/graph-context.js";
import type { SharedArguments } from "../references/shared-arguments.js";
import { readNumericId } from "../wire/messages.js";
import type { ObjectId } from "../wire/messages.js";
import { callsThrough, RemoteCaller } from "./remote-caller.js";
import type { RemoteArguments, RemoteCalls, RemoteMethods, RemoteName, RemoteResult } from "./remote-types.js";

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
 * A reference to an object of the peer. There is one per object and connection. The peer keeps the object until the reference is collected or
 * disposed of (`using`, {@link Symbol.dispose}), or the connection ends.
 *
 * `T` is the class of the object, or an interface of its methods: `RemoteReference<Echo>` has the method `echo` if `Echo` has `remote_echo`.
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
   * Rejects with `RemoteError` when the method failed, with `JellyError` when an argument or the result cannot be sent, with `ConnectionLostError`
   * when the connection ends before the answer (the method may or may not have run), and with `DeadReferenceError` when the reference was released
   * or its connection has ended.
   */
  callRemote<Name extends RemoteName<T>>(
    name: Name,
    ...args: RemoteArguments<T, Name>
  ): Promise<RemoteResult<T, Name>> {
    return this.#call(name, args, undefined) as Promise<RemoteResult<T, Name>>;
  }

  /**
   * The same ways to call, with options: `reference.with({ signal, timeoutMs: 500 }).call.echo("hi")`. Such a call also rejects with
   * `CallTimeoutError`, or with the reason of the signal.
   */
  with(options: CallOptions): RemoteCaller<T> {
    return new RemoteCaller((name, args) => this.#call(name, args, options));
  }

  /** Calls a method without an answer: neither its result nor its error is sent back. Throws `JellyError` or `DeadReferenceError`. */
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

  /** Resolves when the connection can take more messages: for sending much with {@link sendRemote}. Rejects when the connection has ended. */
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
}

/** `(remote id)`: an object of the peer. */
export const remoteHandler: TypeHandler<RemoteReference> = {
  atoms: ["remote"],
  classes: [RemoteReference],
  identity: false,
  jelly(reference, jellier) {
    const id = RemoteReference.homeId(reference, outgoingGraph(jellier, reference).context);
    jellier.writer.list(2);
    jellier.writer.word("local");
    if (typeof id === "number") jellier.writer.integer(id);
    else jellier.writer.text(id);
  },
  unjelly(unjellier, items, atom) {
    const graph = incomingGraph(unjellier, atom);
    const id = readNumericId(unjellier.reader, items);
    if (id === undefined) throw new JellyError("JELLY_MALFORMED", "The id of a remote object is a number");
    return graph.importReference(id);
  },
};

/** `(local id)`: an object of this end that the peer sends back. Null for an unknown id, as in Twisted: the object may have been released. */
export const localHandler: TypeHandler = {
  atoms: ["local"],
  classes: [],
  jelly: () => undefined,
  unjelly(unjellier, items, atom) {
    const { context } = incomingGraph(unjellier, atom);
    const kind = items === 1 ? unjellier.reader.kind() : "nothing";
    if (kind !== "integer" && kind !== "bytes")
      throw new JellyError("JELLY_MALFORMED", "The id of a local object is a number or a name");
    const id = kind === "integer" ? Number(unjellier.reader.integer()) : unjellier.reader.text();
    return context.exports.find(id)?.home ?? null;
  },
};
