// A conversation whose bytes are written by hand.

import { encode } from "@pb/banana";
import type { Expression } from "@pb/banana";
import { Conversation } from "../../src/conversation/conversation.js";
import type { ConversationOptions } from "../../src/conversation/conversation.js";
import { treeOf } from "../../src/conversation/messages.js";
import type { Message, Side } from "../../src/conversation/messages.js";

/** Expressions with text in place of byte strings. */
export type Words = string | number | bigint | readonly Words[];

export function expression(words: Words): Expression {
  if (typeof words === "string") return new Uint8Array(Buffer.from(words, "latin1"));
  return typeof words === "object" ? words.map(expression) : words;
}

/** Jelly's text, tuple and dict. */
export const text = (value: string): Words => ["unicode", value];
export const tuple = (...values: readonly Words[]): Words => ["tuple", ...values];
export const dict = (entries: Readonly<Record<string, Words>> = {}): Words => [
  "dictionary",
  ...Object.entries(entries).map(([key, value]) => [text(key), value]),
];

/** A call as a message. Messages are sent with {@link Talk.say}. */
export const call = (id: number, target: string | number, method: string, args: Words, kwargs = dict()): Words => [
  ...["message", id, target, method, 1],
  args,
  kwargs,
];

export class Talk {
  /** Everything that was reported. */
  readonly messages: Message[] = [];
  readonly conversation: Conversation;
  readonly dialect: "pb" | "none";
  timeMs = 0;

  constructor(dialect: "pb" | "none" = "pb", options: Partial<ConversationOptions> = {}) {
    this.dialect = dialect;
    this.conversation = new Conversation({ onMessage: (message) => this.messages.push(message), ...options });
    this.feed("server", encode(expression(["pb", "none"])));
    this.feed("client", encode(expression(dialect)));
  }

  /** One side sends a message, one millisecond after the last. Returns what was reported. */
  say(from: Side, words: Words): Message {
    this.feed(from, encode(expression(words), { dialect: this.dialect }));
    return this.messages.at(-1)!;
  }

  feed(from: Side, bytes: Uint8Array): void {
    this.conversation.feed(from, bytes, ++this.timeMs);
  }
}

/** The message with its secrets replaced, as text in place of byte strings. */
export function wordsOf(message: Message): unknown {
  const read = (value: Expression | undefined): unknown => {
    if (value instanceof Uint8Array) return Buffer.from(value).toString("latin1");
    return Array.isArray(value) ? value.map(read) : value;
  };
  return read(treeOf(message));
}
