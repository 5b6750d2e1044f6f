// Decodes both directions of a conversation between two programs, beside it: nothing here sends or changes a byte.

import { BananaError, BananaReader, decode, encode, none, pb, readExpression } from "@pb/banana";
import type { Expression } from "@pb/banana";
import { printable } from "@pb/jelly-types";
import { Direction } from "./direction.js";
import type { DecodingError, RawMessage } from "./direction.js";
import { KnownSecrets } from "./known-secrets.js";
import { otherSide, REDACTED, treeOf } from "./messages.js";
import type { Call, Message, ObjectId, Origin, Side } from "./messages.js";
import { packPatch, PackedPatches, redactPatch } from "./packed-patches.js";
import type { PackedPatch } from "./packed-values.js";
import { hiddenHead, readHead } from "./read-message.js";
import type { Head } from "./read-message.js";
import { latin1, Redactor } from "./redact.js";
import { nothingFound, scanValue } from "./scan-values.js";
import type { Found } from "./scan-values.js";
import { SecretNames } from "./secret-names.js";
import { HeldObjects, OpenCalls } from "./tables.js";
import type { Held, OpenCall } from "./tables.js";

export interface ConversationOptions {
  /** Called with each message, in the order of arrival. */
  readonly onMessage: (message: Message) => void;
  /** Names of further fields and methods that are secret. Default: none. */
  readonly redact?: readonly string[] | undefined;
  /** Secrets that were seen. Share it between the connections of a program. Default: those of this conversation. */
  readonly knownSecrets?: KnownSecrets;
  /**
   * The dialect of bytes that begin in the middle of a connection. Default: the bytes begin with the negotiation of a
   * dialect.
   */
  readonly startedWith?: "pb" | "none" | undefined;
}

/** What one side has open. */
export interface SideState {
  /** Its calls that want an answer. */
  readonly calls: OpenCalls;
  /** Its objects that the other side holds. */
  readonly references: HeldObjects;
  /** Its cached objects, of which the other side has a copy that is kept up to date. */
  readonly caches: HeldObjects;
}

/**
 * Decodes a conversation. Give it the bytes of both directions with {@link feed}, in the order in which they passed. It
 * accepts anything: bytes that are no Perspective Broker are reported as opaque.
 */
export class Conversation {
  readonly client: SideState = emptyState();
  readonly server: SideState = emptyState();
  readonly #onMessage: (message: Message) => void;
  readonly #names: SecretNames;
  readonly #known: KnownSecrets;
  readonly #directions: { readonly client: Direction; readonly server: Direction };
  readonly #patches = { client: new PackedPatches(), server: new PackedPatches() };
  #timeMs = 0;

  constructor({ onMessage, redact, knownSecrets, startedWith }: ConversationOptions) {
    this.#onMessage = onMessage;
    this.#names = new SecretNames(redact);
    this.#known = knownSecrets ?? new KnownSecrets();
    const direction = (from: Side): Direction =>
      new Direction(startedWith === undefined, {
        message: (raw) => this.#received(from, raw),
        opaque: (size, error) => this.#opaque(from, size, error),
      });
    this.#directions = { client: direction("client"), server: direction("server") };
    if (startedWith === "none") for (const side of ["client", "server"] as const) this.#directions[side].dialect = none;
  }

  /** Whether a direction has had no bytes that could not be decoded. */
  get isDecoded(): boolean {
    return !this.#directions.client.isOpaque && !this.#directions.server.isOpaque;
  }

  /**
   * Decodes bytes of one direction. The bytes must not be changed before the next call. `timeMs` are the milliseconds
   * since the start of the recording.
   */
  feed(from: Side, bytes: Uint8Array, timeMs: number): void {
    this.#timeMs = timeMs;
    this.#directions[from].feed(bytes);
  }

  /** Call it when no more bytes follow in a direction: reports an incomplete message as opaque. */
  end(from: Side, timeMs: number): void {
    this.#timeMs = timeMs;
    const direction = this.#directions[from];
    if (direction.pendingBytes === 0) return;
    direction.fail("CLI_INCOMPLETE", "The connection ended within a message");
  }

  #opaque(from: Side, size: number, error: DecodingError | undefined): void {
    const shown = error && { ...error, text: printable(error.text) };
    this.#onMessage({ kind: "opaque", ...this.#base(from, size), bytes: undefined, redacted: 0, error: shown });
  }

  #base(from: Side, size: number): Pick<Message, "from" | "timeMs" | "size" | "dialect"> {
    return { from, timeMs: this.#timeMs, size, dialect: this.#dialectOf(from) };
  }

  #dialectOf(from: Side): "pb" | "none" {
    return this.#directions[from].dialect === pb ? "pb" : "none";
  }

  #received(from: Side, raw: RawMessage): Omit<DecodingError, "offset"> | undefined {
    if (raw.isFirst) return from === "server" ? this.#offer(raw) : this.#choice(raw);
    const head = readHead(raw.reader);
    switch (head.command) {
      case "message":
      case "cachemessage":
        this.#call(from, head, raw);
        break;
      case "answer":
      case "error":
        this.#answer(from, head, raw);
        break;
      case "decref":
      case "decache":
      case "uncache":
        this.#release(from, head, raw);
        break;
      case "version":
        this.#onMessage({ kind: "version", ...this.#whole(from, raw) });
        break;
      case "unknown": {
        const shown = this.#redact(from, raw.bytes, (redactor, tree) => redactor.other(tree));
        const { text } = this.#shownHead(from, head, shown);
        this.#onMessage({ kind: "unknown", ...this.#base(from, raw.bytes.length), ...shown, text });
      }
    }
    return undefined;
  }

  #offer(raw: RawMessage): Omit<DecodingError, "offset"> | undefined {
    const offer = readExpression(raw.reader);
    if (!Array.isArray(offer)) return { code: "CLI_NOT_PB", text: "The server does not offer a list of dialects" };
    const shown = this.#whole("server", raw);
    const names = listOf(shown.redacted === 0 ? offer : treeOf({ kind: "offer", names: [], ...shown })).flatMap(
      (name) => (name instanceof Uint8Array ? [printable(latin1(name)!, 40)] : []),
    );
    this.#onMessage({ kind: "offer", ...shown, names });
    return undefined;
  }

  #choice(raw: RawMessage): Omit<DecodingError, "offset"> | undefined {
    const choice = latin1(readExpression(raw.reader));
    const dialect = choice === "pb" ? pb : choice === "none" ? none : undefined;
    if (dialect === undefined) return { code: "CLI_NOT_PB", text: "The client does not choose a known dialect" };
    this.#onMessage({ kind: "choice", ...this.#whole("client", raw), name: dialect.name });
    this.#directions.client.dialect = this.#directions.server.dialect = dialect;
    return undefined;
  }

  #call(from: Side, head: CallHead, { reader, bytes }: RawMessage): void {
    const found = nothingFound();
    scanValue(reader, this.#names, found);
    scanValue(reader, this.#names, found);
    const isCache = head.command === "cachemessage";
    // A call names an object of its receiver, an update a cache of its sender.
    const origin = this.#ownedBy(isCache ? from : otherSide(from), isCache, head.target)?.origin;
    const secret = this.#names.inCall({ method: head.method, target: head.target, origin, isCache });
    const packed = isCache && head.method === "p" ? this.#packedPatch(from, head.target, bytes) : undefined;
    const mustRedact =
      found.hasSecret || secret !== undefined || packed?.redacted !== undefined || this.#known.occursIn(bytes);
    const redact = (redactor: Redactor, tree: Expression): Expression => {
      if (packed?.redacted !== undefined) redactor.count += packed.count;
      return redactor.call(packed?.redacted ?? tree, secret);
    };
    const shown = mustRedact ? this.#redact(from, bytes, redact) : undefined;
    const { id, target, method } = this.#shownHead(from, head, shown);
    // Written without spread syntax, which takes a quarter of the time of a message (bench `tap`).
    const message: Call = {
      kind: "call",
      from,
      timeMs: this.#timeMs,
      size: bytes.length,
      dialect: this.#dialectOf(from),
      bytes: shown === undefined ? bytes : shown.bytes,
      redacted: shown === undefined ? 0 : shown.redacted,
      isCache,
      id,
      target,
      origin,
      method,
      wantsAnswer: head.wantsAnswer,
      patch: packed?.patch,
    };
    if (head.target === EXTENSION) this.#extension(from, message);
    if (head.wantsAnswer) this[from].calls.add(message, head.id);
    this.#hold(from, found, { method, as: "argument" });
    this.#onMessage(message);
  }

  /**
   * Reads the packed patch in a call of `p`. `redacted` is the call without the secrets of the patch, if there are any.
   * A broken patch of a live state could contain a secret: all of it counts as one.
   */
  #packedPatch(from: Side, cache: ObjectId, bytes: Uint8Array): Packed | undefined {
    const tree = this.#decode(from, bytes);
    const [tag, packed, ...more] = listOf(listOf(tree)[5]);
    if (typeof cache !== "number" || latin1(tag) !== "tuple" || !(packed instanceof Uint8Array) || more.length > 0)
      return undefined;
    const read = this.#patches[from].read(cache, packed);
    if (read === undefined) return undefined;
    const replaced = (by: Uint8Array): Expression =>
      listOf(tree).map((item, index) => (index === 5 ? [tag!, by] : item));
    if (read === "broken") {
      const count = latin1(packed) === REDACTED ? 0 : 1;
      return { patch: "broken", count, redacted: count === 0 ? undefined : replaced(Buffer.from(REDACTED)) };
    }
    const { patch, count } = redactPatch(read, this.#names, this.#known);
    return { patch, count, redacted: count === 0 ? undefined : replaced(packPatch(patch)) };
  }

  #decode(from: Side, bytes: Uint8Array): Expression | undefined {
    try {
      return decode(bytes, { dialect: this.#directions[from].dialect });
    } catch (error) {
      if (!(error instanceof BananaError)) throw error;
      return undefined;
    }
  }

  #answer(from: Side, head: AnswerHead, { reader, bytes }: RawMessage): void {
    const found = nothingFound();
    scanValue(reader, this.#names, found);
    const call = this[otherSide(from)].calls.take(head.id);
    const secret = call === undefined ? undefined : this.#names.inCall(call)?.answer;
    const isHidden =
      head.command === "answer" && (secret === true || (secret === "data" && found.references.length === 0));
    const mustRedact = found.hasSecret || isHidden || this.#known.occursIn(bytes);
    const redact = (redactor: Redactor, tree: Expression): Expression => redactor.answer(tree, isHidden);
    if (call !== undefined) this.#hold(from, found, { method: call.method, as: "result" });
    else this.#hold(from, found, { method: "?", as: "result" });
    const shown = mustRedact ? this.#redact(from, bytes, redact) : undefined;
    this.#onMessage({
      kind: head.command,
      from,
      timeMs: this.#timeMs,
      size: bytes.length,
      dialect: this.#dialectOf(from),
      bytes: shown === undefined ? bytes : shown.bytes,
      redacted: shown === undefined ? 0 : shown.redacted,
      id: this.#shownHead(from, head, shown).id,
      call,
      latencyMs: call === undefined ? undefined : this.#timeMs - call.timeMs,
      isLate: call !== undefined && isLate(call, this.#timeMs),
    });
  }

  #release(from: Side, head: ReleaseHead, { bytes }: RawMessage): void {
    const { command, target } = head;
    // The owner of a cache sends `uncache`; the other side sends `decref` and `decache` for objects of the owner.
    const owner = command === "uncache" ? from : otherSide(from);
    const held = this.#ownedBy(owner, command !== "decref", target);
    if (command === "decref") this[owner].references.release(target);
    else if (command === "uncache") {
      this[owner].caches.delete(target);
      if (typeof target === "number") this.#patches[owner].delete(target);
    } else if (held !== undefined) held.count--; // Its owner ends it with `uncache`.
    const shown = this.#maskKnown(from, bytes);
    this.#onMessage({
      kind: command,
      ...this.#base(from, bytes.length),
      ...shown,
      target: this.#shownHead(from, head, shown).target,
      origin: held?.origin,
      isKnown: held !== undefined,
    });
  }

  /** What is shown of the head: the names and numbers of the message after its secrets were replaced. */
  #shownHead<H extends Head>(from: Side, head: H, shown: MessageBytes | undefined): H {
    if (shown === undefined || shown.redacted === 0) return head;
    if (shown.bytes === undefined) return hiddenHead(head);
    const { bytes } = shown;
    return readHead(new BananaReader().reset(bytes, 0, bytes.length, this.#directions[from].dialect, 0)) as H;
  }

  #ownedBy(owner: Side, isCache: boolean, id: ObjectId): Held | undefined {
    return (isCache ? this[owner].caches : this[owner].references).get(id);
  }

  #hold(from: Side, { references, caches }: Found, origin: Origin): void {
    for (const id of references) this[from].references.add(id, this.#timeMs, origin);
    for (const id of caches) this[from].caches.add(id, this.#timeMs, origin);
  }

  /** Deadlines and cancellations of calls: see docs/extension.md. */
  #extension(from: Side, message: Call): void {
    if (message.method !== "cancel" && message.method !== "note") return;
    const [, id, details] = listOf(listOf(treeOf(message))[5]);
    if (typeof id !== "number") return;
    if (message.method === "cancel") this[from].calls.cancel(id);
    const deadline = entryOf(details, "deadline");
    if (typeof deadline === "number") this[from].calls.announceDeadline(id, deadline);
  }

  #whole(from: Side, { bytes }: RawMessage): Pick<Message, "from" | "timeMs" | "size" | "dialect"> & MessageBytes {
    return { ...this.#base(from, bytes.length), ...this.#maskKnown(from, bytes) };
  }

  /** A message without fields: only secrets that were seen before can be in it. */
  #maskKnown(from: Side, bytes: Uint8Array): MessageBytes {
    if (!this.#known.occursIn(bytes)) return { bytes, redacted: 0 };
    return this.#redact(from, bytes, (redactor, tree) => redactor.other(tree));
  }

  /** Rewrites a message. What cannot be rewritten is left out: a secret could be in it. */
  #redact(from: Side, bytes: Uint8Array, action: (redactor: Redactor, tree: Expression) => Expression): MessageBytes {
    const { dialect } = this.#directions[from];
    try {
      const redactor = new Redactor(this.#names, this.#known);
      const tree = action(redactor, decode(bytes, { dialect }));
      return redactor.count === 0
        ? { bytes, redacted: 0 }
        : { bytes: encode(tree, { dialect }), redacted: redactor.count };
    } catch (error) {
      if (!(error instanceof BananaError)) throw error;
      return { bytes: undefined, redacted: 1 };
    }
  }
}

/** The object of the extensions of this library. */
const EXTENSION = "pbx";

type CallHead = Extract<Head, { command: "message" | "cachemessage" }>;
type AnswerHead = Extract<Head, { command: "answer" | "error" }>;
type ReleaseHead = Extract<Head, { command: "decref" | "decache" | "uncache" }>;

/** A packed patch in a call. */
interface Packed {
  readonly patch: PackedPatch | "broken";
  /** The number of secrets in it. */
  readonly count: number;
  readonly redacted: Expression | undefined;
}

type MessageBytes = Pick<Message, "bytes" | "redacted">;

function emptyState(): SideState {
  return { calls: new OpenCalls(), references: new HeldObjects(), caches: new HeldObjects() };
}

function isLate({ isCanceled, deadlineMs }: OpenCall, timeMs: number): boolean {
  return isCanceled || (deadlineMs !== undefined && timeMs > deadlineMs);
}

function listOf(value: Expression | undefined): readonly Expression[] {
  return Array.isArray(value) ? value : [];
}

/** The value of an entry of a dict in jelly. */
function entryOf(dictionary: Expression | undefined, name: string): Expression | undefined {
  for (const entry of listOf(dictionary).slice(1)) {
    const [key, value] = listOf(entry);
    if (latin1(key) === name || latin1(listOf(key)[1]) === name) return value;
  }
  return undefined;
}
