// The messages of a conversation between two programs, as a third one sees them.

import type { Expression } from "@pb/banana";
import { decode } from "@pb/banana";
import type { PackedPatch } from "./packed-values.js";

/** The sender of something: the program that opened the connection, or the one that accepted it. */
export type Side = "client" | "server";

/** The other side. */
export function otherSide(side: Side): Side {
  return side === "client" ? "server" : "client";
}

/** A number that its owner assigned, or the name of a published object. */
export type ObjectId = number | string;

/** An integer, as everywhere in practice. Text that describes any other value that a program uses. */
export type RequestId = number | string;

/** What all messages have. */
interface MessageBase {
  readonly from: Side;
  /** Milliseconds since the start of the recording at which the last byte of the message arrived. */
  readonly timeMs: number;
  /** The number of bytes on the wire. */
  readonly size: number;
  /**
   * The bytes, valid until the next call of `Conversation.feed`. Secrets in them are replaced: see `redacted`.
   * Undefined where the bytes cannot be decoded, because a secret could not be found in them.
   */
  readonly bytes: Uint8Array | undefined;
  /** The number of secrets that were replaced by {@link REDACTED}. `bytes` can have another length than `size` then. */
  readonly redacted: number;
  readonly dialect: "pb" | "none";
}

/** What stands in the place of a secret: a byte string with this text. */
export const REDACTED = "[redacted]";

/** The first message of the server: the names of its dialects. */
export interface Offer extends MessageBase {
  readonly kind: "offer";
  readonly names: readonly string[];
}

/** The first message of the client: the dialect that it chose. */
export interface Choice extends MessageBase {
  readonly kind: "choice";
  readonly name: string;
}

export interface Version extends MessageBase {
  readonly kind: "version";
}

export interface Call extends MessageBase {
  readonly kind: "call";
  /** Whether it calls a cache at the receiver (`cachemessage`). */
  readonly isCache: boolean;
  readonly id: RequestId;
  readonly target: ObjectId;
  /** Where the object was sent first, if it was. */
  readonly origin: Origin | undefined;
  readonly method: string;
  readonly wantsAnswer: boolean;
  /** The packed patch of a live state in it, with its secrets replaced. `broken`: it cannot be read. */
  readonly patch: PackedPatch | "broken" | undefined;
}

export interface Answer extends MessageBase {
  readonly kind: "answer" | "error";
  readonly id: RequestId;
  /** The call. Undefined if there is none with this id, or too many were waiting to remember it. */
  readonly call: PendingCall | undefined;
  readonly latencyMs: number | undefined;
  /** The caller has canceled the call, or its deadline is over. */
  readonly isLate: boolean;
}

/** A reference or a cache that is given back (`decref`, `decache`), or the end of a cache (`uncache`). */
export interface Release extends MessageBase {
  readonly kind: "decref" | "decache" | "uncache";
  readonly target: ObjectId;
  readonly origin: Origin | undefined;
  /** False if the owner has sent no such object: a stock peer closes the connection then. */
  readonly isKnown: boolean;
}

/** An expression of Banana that is no message of the protocol, or has a wrong form. */
export interface Unknown extends MessageBase {
  readonly kind: "unknown";
  readonly text: string;
}

/** Bytes that are no Banana, or not in time. All further bytes of this direction are opaque too. */
export interface Opaque extends MessageBase {
  readonly kind: "opaque";
  readonly bytes: undefined;
  /** Why, in the first message of this kind in a direction. */
  readonly error: { readonly code: string; readonly text: string; readonly offset: number } | undefined;
}

export type Message = Offer | Choice | Version | Call | Answer | Release | Unknown | Opaque;

/** The message that contained an object first. */
export interface Origin {
  readonly method: string;
  readonly as: "result" | "argument";
}

/** A call whose answer has not been seen. */
export interface PendingCall {
  readonly id: RequestId;
  readonly isCache: boolean;
  readonly target: ObjectId;
  readonly origin: Origin | undefined;
  readonly method: string;
  readonly timeMs: number;
  readonly size: number;
}

/** The message as a tree, with its secrets replaced. Undefined where it cannot be decoded, or takes too much memory. */
export function treeOf({ bytes, dialect }: Message): Expression | undefined {
  try {
    return bytes === undefined ? undefined : decode(bytes, { dialect });
  } catch {
    return undefined;
  }
}
