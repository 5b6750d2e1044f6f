// One graph as a transaction: what its references and caches count at the connection, and how that is undone when the
// graph cannot be sent or read.

import type { Dialect } from "@pb/banana";
import type { Exactness, JellyReader, JellyWriter } from "@pb/jelly-types";
import { JellyError } from "@pb/jelly-types";
import type { CallOptions } from "../calls/call-options.js";
import type { Callable, Connection, Perspective } from "../calls/callable.js";
import type { KeptCall } from "../calls/kept-call.js";
import type { CallRecord } from "../calls/telemetry.js";
import type { ObjectId, ReleaseCommand } from "../wire/messages.js";
import type { CacheSource, ExportedCache } from "./exported-caches.js";
import type { ExportTable } from "./exports.js";
import type { ImportTable } from "./imports.js";
import type { MessageSource } from "./message-source.js";
import type { Dependence, SharedArguments, WritingSettings } from "./shared-arguments.js";

/** What references and type handlers use of their connection. */
export interface ConnectionContext {
  readonly connection: Connection;
  /** Streams of this end that the peer has not read to their end. */
  openStreams: number;
  /** Limits what a method makes of received bytes and keeps for a while, as the values of messages are limited. */
  readonly memory: {
    /** The bytes of memory that such values may take now. */
    readonly room: number;
    /** Ends the connection, because they take more than {@link room}, which was just looked at. */
    exceedRoom(): void;
    /** Such values take so many bytes until {@link finishCall}, also when the connection has ended. */
    startCall(bytes: number): void;
    finishCall(bytes: number): void;
  };
  /**
   * What the peer holds of this end. For type handlers of your own, use {@link OutgoingGraph}, which undoes what it
   * counts.
   */
  readonly exports: ExportTable;
  /** What this end holds of the peer. For type handlers of your own, use {@link IncomingGraph}. */
  readonly imports: ImportTable;
  readonly caller: {
    /** Asks the peer whether it keeps the answer of a call that must run once. */
    prepare(once: OnceTicket): Promise<void>;
    /** Whether the peer has more than Twisted's protocol. */
    isExtended(): Promise<boolean>;
    /** Whether the peer has said that it reads a form of data. */
    peerReads(form: string): boolean;
    /** Sends a call and resolves with its answer. Rejects, never throws. */
    call(target: ObjectId, method: string, args: readonly unknown[], details: CallDetails): Promise<unknown>;
    /** Sends a call that has no answer. Throws `JellyError` for arguments that cannot be sent. */
    send(target: ObjectId, method: string, args: readonly unknown[], details: CallDetails): void;
    /** Sends a call whose result can be called before it has arrived. Returns a `PipelinedReference`, or rejects it. */
    pipe(
      target: ObjectId,
      method: string,
      args: readonly unknown[],
      details: CallDetails,
      dead: Error | undefined,
    ): object;
  };
  readonly outbox: {
    /** Bytes that have not left the process. */
    readonly queuedBytes: number;
    /** What may write messages before others. */
    sources: Set<MessageSource> | undefined;
  };
  readonly config: {
    readonly limits: { readonly streams: number };
    /** How the connection reads integers, floats and dicts. */
    readonly exactness: Exactness;
    /** Reports an error of the program that belongs to no call, as the event `callback-failed`. */
    reportError(error: unknown, connection?: Connection): void;
    /** Reports entries of a received state that were dropped, once for each class, as the event `state-dropped`. */
    reportDropped(type: string, names: readonly string[], connection?: Connection): void;
  };
}

/** A peer that keeps the answers of calls that must run once. */
export interface PeerInstance {
  /** The same on later connections as long as the peer has these answers. */
  readonly instance: string;
  /** The clock of the peer, in seconds, at a time before `answeredAt`. */
  readonly clock: number;
  /** When this was received, on the clock of `performance.now()`. */
  readonly answeredAt: number;
}

/** A call that must run once, over several connections. */
export interface OnceTicket {
  readonly key: string;
  /** How often it was sent with its key. */
  readonly sends: number;
  /** Before it is sent to a peer. Throws when it was sent to another one. */
  prepare(peer: PeerInstance | undefined): void;
  /** Called directly before the call is written. Returns the entries of its `note`, if the peer keeps its answer. */
  announce(): object | undefined;
}

/** What a caller knows about a call whose result it calls ahead. */
export interface Expectation {
  /** The request id of the call, while its result can be called by it: until the answer has arrived. */
  id: number | undefined;
}

export interface CallDetails extends CallOptions {
  /** The perspective for which the arguments are written and the answer is read. */
  readonly perspective: Perspective;
  /** An object that stays alive until the answer has arrived: the reference that was called. */
  readonly keepAlive: unknown;
  /** Whether the target is a cache at the peer, not an object of the peer. */
  readonly isCache?: boolean;
  /** Keeps the written arguments for other targets of the same call. */
  readonly shared?: SharedArguments;
  /** The `baggage` of W3C Baggage that belongs to the trace. */
  readonly baggage?: string | undefined;
  /** Set if hooks observe the call. */
  readonly record?: CallRecord;
  /** Whether it has the deadline and the trace of the call for which it is made. */
  readonly hasInherited?: boolean;
  /** Announces to the peer that the result of the call will be called. */
  readonly expectation?: Expectation | undefined;
  /** Set if the call must run once. */
  readonly once?: OnceTicket;
  /** Whether the call only asks for a sign of life. It is ignored by `idle()`. */
  readonly isPing?: boolean;
  /** Whether the call asks for items of a stream, which may never come. It is ignored by `idle()` too. */
  readonly isPull?: boolean;
}

export interface OutgoingGraphOptions {
  /** Whether it may contain promises. Default false. */
  readonly mayHavePromises?: boolean;
  /** Whether its objects stay findable, although the peer releases them, until {@link OutgoingGraph.unkeep}. */
  readonly keepsObjects?: boolean;
}

const NO_OPTIONS: OutgoingGraphOptions = {};

/** A graph that is being written. */
export class OutgoingGraph {
  readonly #context: ConnectionContext;
  readonly #perspective: Perspective;
  /** What the type handlers have looked at so far. */
  #dependence: Dependence = "nothing";
  /** Whether the graph may contain promises: a result may, until they have been waited for once. */
  readonly #mayHavePromises: boolean;
  #hasPromises = false;
  /** Ids of the references and caches counted so far. */
  #references: number[] | undefined;
  #caches: number[] | undefined;
  /** Ids of the objects that stay findable until the answer is read, for a graph of arguments. */
  #kept: number[] | undefined;
  readonly #keepsObjects: boolean;
  #pinned: ReadonlyMap<object, ObjectId> | undefined;
  /** Called with the error when the message could not be written at once, and cannot be sent. */
  onDeferredFailure: ((error: unknown) => void) | undefined;
  /** The call that it belongs to, for reports, if references are traced. */
  origin: string | undefined;
  /** The last class of which it contains a copy: its name on the wire. */
  sentType: string | undefined;
  /** The call whose answer this is, if that is kept. */
  kept: KeptCall | undefined;

  constructor(
    context: ConnectionContext,
    perspective: Perspective,
    { mayHavePromises = false, keepsObjects = false }: OutgoingGraphOptions = NO_OPTIONS,
  ) {
    this.#context = context;
    this.#perspective = perspective;
    this.#mayHavePromises = mayHavePromises;
    this.#keepsObjects = keepsObjects;
  }

  /** The connection that the graph is sent over. A graph that looks at it is written anew for each connection. */
  get context(): ConnectionContext {
    this.#dependence = "connection";
    return this.#context;
  }

  /** The perspective for which the graph is written. It decides what copies and caches show. */
  get perspective(): Perspective {
    if (this.#dependence === "nothing") this.#dependence = "perspective";
    return this.#perspective;
  }

  /** The bytes that were written for another target, if they are the same for this graph. */
  findShared(shared: SharedArguments, settings: WritingSettings): Uint8Array | undefined {
    return shared.find(settings, this.#perspective);
  }

  /** Keeps the bytes of this graph for other targets for which they are the same. */
  keepShared(shared: SharedArguments, settings: WritingSettings, bytes: () => Uint8Array): void {
    shared.keep(settings, this.#perspective, this.#dependence, bytes);
  }

  /**
   * The graph is written later, but the references and caches that `find` returns are sent although they are released
   * before that.
   */
  pin(find: (context: ConnectionContext) => ReadonlyMap<object, ObjectId>): void {
    this.#pinned = find(this.#context);
  }

  /** The id of a reference or a cache that was {@link pin}ned. */
  pinnedId(value: object): ObjectId | undefined {
    return this.#pinned?.get(value);
  }

  /** Whether the graph contains a promise. Then it is not sent. */
  get hasPromises(): boolean {
    return this.#hasPromises;
  }

  /** Notes a promise in the graph. Returns false when the graph may not contain any. */
  notePromise(): boolean {
    this.#hasPromises = this.#mayHavePromises;
    return this.#mayHavePromises;
  }

  /** Counts a reference to `target`, which is found by `key` when it is sent again. Returns the id to write. */
  exportReference(key: object, target: Callable): number {
    this.#requireOpen();
    const id = this.context.exports.add(key, target, this.origin);
    (this.#references ??= []).push(id);
    if (this.#keepsObjects) this.#keep(id, target.home);
    return id;
  }

  /** Counts a cached object. It has to be written with its state when the count of the result is 1. */
  exportCache(source: CacheSource, observerFor: (id: number) => object): ExportedCache {
    this.#requireOpen();
    const cache = this.context.exports.addCache(source, this.#perspective, observerFor);
    (this.#caches ??= []).push(cache.id);
    if (this.#keepsObjects) this.#keep(cache.id, source);
    return cache;
  }

  /** An answer that is only kept, because its connection has ended, must not give the peer anything. */
  #requireOpen(): void {
    if (this.kept === undefined || this.#context.connection.isOpen) return;
    this.kept.keepNothing();
    throw new JellyError("JELLY_NOT_JELLYABLE", "The connection has ended to which the object would be sent");
  }

  /** Whether the graph has counted a reference or a cache. */
  get countsAny(): boolean {
    return this.#references !== undefined || this.#caches !== undefined;
  }

  /** The id of the reference that the graph has counted, if there is one, and nothing else. */
  get onlyReference(): number | undefined {
    return this.#references?.length === 1 && this.#caches === undefined ? this.#references[0] : undefined;
  }

  /** Whether objects stay findable until {@link unkeep}. */
  get keepsAny(): boolean {
    return this.#kept !== undefined;
  }

  /** Keeps the answer for its call. Returns whether it can also be sent: the connection may have ended. */
  keepAnswer(kept: KeptCall, command: "answer" | "error", message: Uint8Array, dialect: Dialect): boolean {
    if (this.#dependence === "connection") kept.keepNothing();
    else kept.keep(command, message, dialect);
    return this.#context.connection.isOpen;
  }

  /** The answer of the call was read: objects that the peer has released cannot arrive anymore. */
  unkeep(): void {
    for (const id of this.#kept?.splice(0) ?? []) this.#context.exports.unkeep(id);
  }

  #keep(id: number, home: object): void {
    this.#context.exports.keep(id, home);
    (this.#kept ??= []).push(id);
  }

  /**
   * Undoes everything that was counted. With `keepReferences`, references stay counted until the next call: the graph
   * is about to be sent again.
   */
  rollback({ keepReferences = false }: { readonly keepReferences?: boolean } = {}): void {
    const { exports } = this.#context;
    this.unkeep();
    if (!keepReferences) for (const id of this.#references?.splice(0) ?? []) exports.rollback(id);
    for (const id of this.#caches?.splice(0) ?? []) exports.rollbackCache(id);
  }

  /** Whether the peer still has the copy that a deferred update is for. */
  hasCache(id: ObjectId): boolean {
    return typeof id === "number" && this.#context.exports.findCache(id) !== undefined;
  }
}

/** One reference or cache that arrived with a graph. */
export interface Arrival {
  readonly command: ReleaseCommand;
  readonly id: number;
  readonly proxy: Disposable;
  /** Whether it is a cache that arrived with its state, not by its id alone. */
  readonly isFull: boolean;
}

const NO_ARRIVALS: readonly Arrival[] = [];

/** A graph that is being read. */
export class IncomingGraph {
  readonly context: ConnectionContext;
  /** The perspective for which the graph is read. */
  readonly perspective: Perspective;
  /** The call that it belongs to, for reports, if references are traced. */
  origin: string | undefined;
  #arrivals: Arrival[] | undefined;

  constructor(context: ConnectionContext, perspective: Perspective) {
    this.context = context;
    this.perspective = perspective;
  }

  /** Counts a received reference. Returns the `RemoteReference`. */
  importReference(id: number): object {
    const proxy = this.context.imports.add(id, this.perspective, this.origin);
    (this.#arrivals ??= []).push({ command: "decref", id, proxy, isFull: false });
    return proxy;
  }

  /** Notes a received cache, which the import table has counted. */
  noteCache(id: number, proxy: Disposable, isFull: boolean): void {
    (this.#arrivals ??= []).push({ command: "decache", id, proxy, isFull });
  }

  /** The references and caches that were counted so far. */
  get arrivals(): readonly Arrival[] {
    return this.#arrivals ?? NO_ARRIVALS;
  }

  /** Releases everything that was counted, because the graph cannot be read. */
  rollback(): void {
    for (const { command, proxy } of this.arrivals) this.context.imports.releaseOne(command, proxy);
  }
}

/** The graph that `jellier` writes. Throws `JELLY_NOT_JELLYABLE` in a plain `jelly()`, which has no connection. */
export function outgoingGraph({ context }: JellyWriter, value: object): OutgoingGraph {
  if (context instanceof OutgoingGraph) return context;
  throw new JellyError("JELLY_NOT_JELLYABLE", `${value.constructor.name} can only be sent over a connection`);
}

/** The graph that `unjellier` reads. Throws `JELLY_MALFORMED` in a plain `unjelly()`, which has no connection. */
export function incomingGraph({ context }: JellyReader, atom: string): IncomingGraph {
  if (context instanceof IncomingGraph) return context;
  throw new JellyError("JELLY_MALFORMED", `The type ${atom} can only be received over a connection`);
}
