// Writes outgoing messages into one buffer, each of them completely or not at all, and sends the messages of one turn
// together.

import { BananaWriter, decode } from "@pb/banana";
import type { Dialect } from "@pb/banana";
import { JellyError } from "@pb/jelly-types";
import type { Jellier } from "@pb/jelly-types";
import type { Connection } from "../calls/callable.js";
import type { KeptCall } from "../calls/kept-call.js";
import { DeadReferenceError, PBError } from "../errors.js";
import { requireMessageSize } from "../limits.js";
import type { Link } from "../link/link.js";
import type { OutgoingGraph } from "../references/graph-context.js";
import { sourceChanges } from "../references/message-source.js";
import type { MessageSource } from "../references/message-source.js";
import type { SharedArguments } from "../references/shared-arguments.js";
import { writeArguments } from "../wire/arguments.js";
import { writeCallHead, writeMessage } from "../wire/messages.js";
import type { OutboundAnswer, OutboundCall, OutboundMessage } from "../wire/messages.js";
import { ignorePromises } from "../wire/promised-results.js";
import { lostAttributes } from "../wire/stock-graphs.js";
import type { BrokerConfig } from "./config.js";
import { pinReferences } from "./pinned-references.js";

/**
 * Bytes at which the buffer is sent at once: a long turn does not collect too much, and 10,000 small calls still are a
 * few writes.
 */
const FLUSH_BYTES = 256 * 1024;

/**
 * How many times deferred messages may cause further deferred messages. Beyond that, a state hook sends the object
 * whose state it returns.
 */
const MAX_DEFERRED_ROUNDS = 100;

/**
 * A resolved promise runs a callback in a microtask for a third of what `queueMicrotask` costs in Node (bench `one`).
 */
const RESOLVED = Promise.resolve();

/** What the outbox uses of its link. */
type LinkView = Pick<Link, "queuedBytes" | "takesViews" | "releasesViews" | "scheduleFlush">;

/** What the outbox uses of its connection. */
interface OutboxOwner {
  readonly config: BrokerConfig;
  readonly link: LinkView;
  /** Passes bytes to the link. */
  send(bytes: Uint8Array): void;
}

interface DeferredMessage {
  readonly message: OutboundMessage;
  readonly graph: OutgoingGraph | undefined;
  readonly shared: SharedArguments | undefined;
}

export class Outbox {
  readonly dialect: Dialect;
  readonly config: BrokerConfig;
  readonly #connection: Connection;
  readonly #owner: OutboxOwner;
  readonly #link: LinkView;
  readonly #writer: BananaWriter;
  #isWriting = false;
  #isScheduled = false;
  #deferred: DeferredMessage[] | undefined;
  /** What may write messages before others. */
  sources: Set<MessageSource> | undefined;
  /** The count of {@link sourceChanges} when the sources were asked. */
  #asked = 0;
  /** Bytes passed to the link. */
  #sentBytes = 0;
  /** The last answer has left the process when this many bytes have. */
  #lastAnswerEnd = -Infinity;
  /** The last view, while it has not left the process: its memory is used again when it has. */
  #unreleased: Uint8Array | undefined;
  /** The size of the last message that was written. Undefined if it was deferred, or could not be written. */
  lastBytes: number | undefined;

  constructor(dialect: Dialect, connection: Connection, owner: OutboxOwner) {
    const { config, link } = owner;
    this.dialect = dialect;
    this.config = config;
    this.#connection = connection;
    this.#owner = owner;
    this.#link = link;
    this.#writer = new BananaWriter({ dialect, limits: config.limits.banana });
  }

  /** Bytes that are written and not yet sent. */
  get size(): number {
    return this.#writer.position;
  }

  /** Bytes that have not left the process: those written here, and those that the link has. */
  get queuedBytes(): number {
    return this.size + this.#link.queuedBytes;
  }

  /** Sends bytes before the first message, and together with it. */
  begin(bytes: Uint8Array): void {
    this.#writer.append(bytes);
  }

  /** Whether an answer that the peer waits for has not left the process. */
  get hasUnsentAnswer(): boolean {
    return this.#lastAnswerEnd > this.#sentBytes - this.#link.queuedBytes;
  }

  /** Whether a message is being written. Another message is deferred then, and errors in it show only later. */
  get isWriting(): boolean {
    return this.#isWriting;
  }

  /**
   * Writes one message. Returns false when its graph contains promises: then nothing is sent and caches are rolled
   * back. Throws what the writing throws, for example `JellyError`: then nothing is sent and the graph is rolled back.
   *
   * A state hook may call the peer while the state of its object is being written. That message is deferred until the
   * current message is complete, because it may be about an object that the peer learns of only by the current message.
   * (Twisted sends it first, and the peer does not understand it: wire specification 5.8.) It is also written only
   * then, so that its contents are true when it arrives. References in it are sent although the hook releases them: the
   * release is deferred too, and follows the message.
   */
  write(message: OutboundMessage, graph?: OutgoingGraph, shared?: SharedArguments): boolean {
    this.lastBytes = undefined;
    if (this.#isWriting) {
      if ("args" in message) graph?.pin((context) => pinReferences(message.args, context));
      (this.#deferred ??= []).push({ message, graph, shared });
      return true;
    }
    if (this.sources !== undefined && this.#asked !== sourceChanges.count) this.#flushSources(this.sources);
    this.#isWriting = true;
    try {
      return this.#write(message, graph, shared);
    } finally {
      if (this.#deferred !== undefined) {
        const { lastBytes } = this;
        this.#writeDeferred();
        this.lastBytes = lastBytes;
      }
      this.#isWriting = false;
      if (this.#writer.position >= FLUSH_BYTES) this.flush();
      else if (!this.#isScheduled) this.#schedule();
    }
  }

  /** Sends what is written, now. */
  flush(): void {
    if (this.#isWriting || this.#writer.position === 0) return;
    this.#sentBytes += this.#writer.position;
    if (this.#link.takesViews !== true) {
      this.#owner.send(this.#writer.take());
      return;
    }
    const view = this.#writer.takeView();
    this.#owner.send(view);
    if (this.#link.releasesViews !== true) return;
    if (this.#link.queuedBytes === 0) BananaWriter.reuse(view);
    else this.#unreleased = view;
  }

  /** Everything that was sent has left the process. */
  drained(): void {
    if (this.#unreleased === undefined || this.#link.queuedBytes > 0) return;
    BananaWriter.reuse(this.#unreleased);
    this.#unreleased = undefined;
  }

  #flushSources(sources: ReadonlySet<MessageSource>): void {
    this.#asked = sourceChanges.count;
    for (const source of [...sources]) if (source.isBehind) this.config.runCallback(source.flush, this.#connection);
  }

  /** A method of its own, because each call of one with a closure allocates. */
  #schedule(): void {
    this.#isScheduled = true;
    if (this.#link.scheduleFlush === undefined) void RESOLVED.then(() => this.#flushScheduled());
    else this.#link.scheduleFlush(() => this.#flushScheduled());
  }

  #flushScheduled(): void {
    this.#isScheduled = false;
    this.flush();
  }

  #writeDeferred(): void {
    for (let round = 1; this.#deferred !== undefined; round++) {
      const deferred = this.#deferred;
      this.#deferred = undefined;
      for (const { message, graph, shared } of deferred) {
        try {
          if (round > MAX_DEFERRED_ROUNDS)
            throw new PBError("A state hook sends a message that runs the same hook again");
          // The message that was to bring the copy may have failed.
          if (message.command === "cachemessage" && graph?.hasCache(message.target) === false)
            throw new DeadReferenceError("The peer has no copy of this object");
          this.#write(message, graph, shared);
        } catch (error) {
          graph?.onDeferredFailure?.(error);
        }
      }
    }
  }

  #write(message: OutboundMessage, graph: OutgoingGraph | undefined, shared: SharedArguments | undefined): boolean {
    const writer = this.#writer;
    const start = writer.position;
    const jellier = this.#takeJellier();
    const { cycles } = jellier;
    try {
      if (shared === undefined || graph === undefined) writeMessage(jellier, message, graph);
      else this.#writeShared(jellier, message as OutboundCall, graph, shared);
      if (graph?.hasPromises === true) {
        writer.truncate(start);
        graph.rollback({ keepReferences: true });
        return false;
      }
      writer.seal();
      if (jellier.cycles > cycles) this.#checkCycles(writer.since(start));
      requireMessageSize(writer.position - start, this.config.limits.messageBytes);
      this.lastBytes = writer.position - start;
      if (graph?.kept !== undefined) this.#keepAnswer(message as OutboundAnswer, graph, graph.kept, start);
      if ((message.command === "answer" || message.command === "error") && message.isToPing !== true)
        this.#lastAnswerEnd = this.#sentBytes + writer.position;
      return true;
    } catch (error) {
      writer.truncate(start);
      graph?.rollback();
      if ("args" in message) ignorePromises(message.args);
      if (error instanceof JellyError && error.code === "JELLY_STRING_TOO_LONG")
        error.message += "; send it in parts, as a stream or in pages";
      throw error;
    } finally {
      jellier.start(); // Forgets the message.
      this.config.codecs.jellier = jellier;
    }
  }

  #takeJellier(): Jellier {
    const { codecs } = this.config;
    const { jellier } = codecs;
    if (jellier === undefined) return codecs.newJellier(this.#writer);
    codecs.jellier = undefined;
    jellier.writer = this.#writer;
    return jellier;
  }

  /** Keeps an answer that the peer may ask for again. It is only kept if the connection has ended. */
  #keepAnswer({ command }: OutboundAnswer, graph: OutgoingGraph, kept: KeptCall, start: number): void {
    if (graph.keepAnswer(kept, command, this.#writer.since(start), this.dialect)) return;
    this.#writer.truncate(start);
    graph.rollback();
  }

  /** Writes a call whose arguments may have been written for another target already. */
  #writeShared(jellier: Jellier, call: OutboundCall, graph: OutgoingGraph, shared: SharedArguments): void {
    const writer = this.#writer;
    writeCallHead(writer, call);
    const written = graph.findShared(shared, this);
    if (written !== undefined) {
      writer.append(written);
      return;
    }
    const start = writer.position;
    writeArguments(jellier, call.args, graph);
    graph.keepShared(shared, this, () => writer.since(start));
  }

  /** Refuses a graph that a stock peer cannot read, and reports the attributes that it loses. */
  #checkCycles(message: Uint8Array): void {
    for (const { type, name } of lostAttributes(decode(message, { dialect: this.dialect })))
      this.config.reportLost(type, name, this.#connection);
  }
}
