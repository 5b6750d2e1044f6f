// Reads the messages of one connection of a recording, in their order.

import type { Expression } from "@pb/banana";
import { Conversation } from "../conversation/conversation.js";
import { treeOf } from "../conversation/messages.js";
import type { Message, Side } from "../conversation/messages.js";
import { CliError } from "../errors.js";
import type { RecordingEntry } from "../recording/format.js";

/** A message with its values. `tree` is undefined where it cannot be decoded, or is too large. */
export interface ReadMessage {
  readonly message: Message;
  readonly tree: Expression | undefined;
}

/** How far {@link Script.someLater} looks, so that a long recording takes little memory. */
const LOOK_AHEAD = 500;

/** The messages of one connection. They are read when they are needed. */
export class Script {
  readonly #entries: AsyncIterator<RecordingEntry>;
  readonly #conversation: Conversation;
  readonly #queue: ReadMessage[] = [];
  #connection: number | undefined;
  #hasEnded = false;
  /** Which side closed the connection first. Undefined if the recording was cut off. */
  closedBy: Side | undefined;
  /** Why the recording ended early. */
  cutOff: CliError | undefined;

  /** `connection` is the number of a connection. Default: the first one with messages. */
  constructor(entries: AsyncIterator<RecordingEntry>, connection: number | undefined) {
    this.#entries = entries;
    this.#connection = connection;
    this.#conversation = new Conversation({
      onMessage: (message) => this.#queue.push({ message, tree: treeOf(message) }),
    });
  }

  /** The next message. Undefined at the end. Rejects with `CliError`. */
  async next(): Promise<ReadMessage | undefined> {
    await this.#fill(1);
    return this.#queue.shift();
  }

  /** Puts back the message that {@link next} has returned. */
  startingWith(message: ReadMessage): this {
    this.#queue.unshift(message);
    return this;
  }

  /** Whether one of the messages that follow soon is like this. */
  async someLater(isLike: (recorded: ReadMessage) => boolean): Promise<boolean> {
    await this.#fill(LOOK_AHEAD);
    return this.#queue.some(isLike);
  }

  async #fill(count: number): Promise<void> {
    while (this.#queue.length < count && !this.#hasEnded) {
      const entry = await this.#nextEntry();
      if (entry === undefined) this.#hasEnded = true;
      else this.#read(entry);
    }
  }

  async #nextEntry(): Promise<RecordingEntry | undefined> {
    try {
      const next = await this.#entries.next();
      return next.done === true ? undefined : next.value;
    } catch (error) {
      if (!(error instanceof CliError) || error.code !== "CLI_RECORDING_TRUNCATED") throw error;
      this.cutOff = error;
      return undefined;
    }
  }

  #read(entry: RecordingEntry): void {
    if (entry.kind === "finish") return;
    if (entry.kind === "data") this.#connection ??= entry.connection;
    if (entry.connection !== this.#connection) return;
    if (entry.kind === "data") this.#conversation.feed(entry.from, entry.bytes, entry.timeMs);
    else if (entry.kind === "fin") this.closedBy ??= entry.from;
    else if (entry.kind === "close") {
      if (entry.by === "client" || entry.by === "server") this.closedBy ??= entry.by;
      this.#hasEnded = true;
    } else if (entry.kind === "opaque") {
      const text = `Connection ${entry.connection} has bytes that are no Perspective Broker: they cannot be replayed`;
      throw new CliError("CLI_REPLAY", text);
    }
  }
}
