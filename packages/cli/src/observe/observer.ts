// Follows the connections of a tap or of a recording, and tells observers.

import { Conversation } from "../conversation/conversation.js";
import type { ConversationOptions, SideState } from "../conversation/conversation.js";
import type { Message, Side } from "../conversation/messages.js";
import type { CloseEntry } from "../recording/format.js";

/** What ended a connection. `recording`: it was open when the recording ended. */
export type EndedBy = CloseEntry["by"] | "recording";

/** What a connection was at its end. */
export interface Ending {
  readonly by: EndedBy;
  /** The code of an error, such as `ECONNRESET`. */
  readonly code?: string;
  readonly timeMs: number;
  readonly client: SideState;
  readonly server: SideState;
}

/** Is told what happens on connections, which have numbers from 1. */
export interface Observer {
  opened(connection: number, address: string, timeMs: number): void;
  message(connection: number, message: Message): void;
  /** A side sends nothing more. */
  finished(connection: number, from: Side, timeMs: number): void;
  closed(connection: number, ending: Ending): void;
}

/** One connection, decoded for all observers. */
export class Observation {
  readonly #connection: number;
  readonly #observers: readonly Observer[];
  readonly #conversation: Conversation;
  /** Sides whose last message could not be decoded. */
  readonly #opaque = new Set<Side>();
  /** Replaces facts about the next message: a recording has them from before secrets were replaced. */
  facts: Pick<Message, "size" | "redacted"> | undefined;

  constructor(
    connection: number,
    observers: readonly Observer[],
    options: Omit<ConversationOptions, "onMessage"> = {},
  ) {
    this.#connection = connection;
    this.#observers = observers;
    this.#conversation = new Conversation({ ...options, onMessage: (message) => this.report(message) });
  }

  get client(): SideState {
    return this.#conversation.client;
  }

  get server(): SideState {
    return this.#conversation.server;
  }

  /** Whether the last message of a side could not be decoded. */
  isOpaque(side: Side): boolean {
    return this.#opaque.has(side);
  }

  opened(address: string, timeMs: number): void {
    for (const observer of this.#observers) observer.opened(this.#connection, address, timeMs);
  }

  feed(from: Side, bytes: Uint8Array, timeMs: number): void {
    this.#conversation.feed(from, bytes, timeMs);
  }

  /** Reports a message that was not decoded here. */
  report(message: Message): void {
    if (message.kind === "opaque") this.#opaque.add(message.from);
    else this.#opaque.delete(message.from);
    const reported = this.facts === undefined ? message : { ...message, ...this.facts };
    this.facts = undefined;
    for (const observer of this.#observers) observer.message(this.#connection, reported);
  }

  finished(from: Side, timeMs: number): void {
    this.#conversation.end(from, timeMs);
    for (const observer of this.#observers) observer.finished(this.#connection, from, timeMs);
  }

  closed(timeMs: number, by: EndedBy, code: string | undefined): void {
    this.#conversation.end("client", timeMs);
    this.#conversation.end("server", timeMs);
    const { client, server } = this.#conversation;
    const ending = code === undefined ? { timeMs, by, client, server } : { timeMs, by, code, client, server };
    for (const observer of this.#observers) observer.closed(this.#connection, ending);
  }
}
