// Reads the messages of the peer in their order: a short one at once, a long one in steps, so that other connections,
// timers and sockets get their turn.

import { BananaReader, none } from "@pb/banana";
import type { Dialect, Session, Steps } from "@pb/banana";
import { LimitError, ServerBusyError } from "../errors.js";
import type { CloseReason } from "../errors.js";
import type { Backpressure } from "../link/backpressure.js";
import { enter, LARGE_MESSAGE_BYTES, leave } from "../link/large-messages.js";
import type { LinkWriter } from "../link/link-writer.js";
import { readMessage, readMessageInSteps, requireVersion } from "../wire/messages.js";
import type { ReceivedMessage } from "../wire/messages.js";
import type { ConnectionCore } from "./connection-core.js";
import { LEAST_ROOM, SMALL_MESSAGE_BYTES } from "./memory.js";
import type { ConnectionMemory } from "./memory.js";

/** Bytes that are scanned before the time is looked at: less than a millisecond. */
const SCANNED_BYTES = 256 * 1024;

/** What the reader uses of the broker that owns it. */
export interface ReaderOwner {
  /** Both ends have agreed on a dialect: calls {@link MessageReader.start}. */
  becomeReady(dialect: Dialect): void;
  end(reason: CloseReason, cause: unknown): void;
}

const NO_BYTES = new Uint8Array(0);
const NO_VIEW = new DataView(NO_BYTES.buffer);

/** The reader of all connections, unless it is in use. */
let spareReader: BananaReader | undefined;

function takeReader(): BananaReader {
  const reader = spareReader ?? new BananaReader();
  spareReader = undefined;
  return reader;
}

export class MessageReader {
  readonly #owner: ReaderOwner;
  readonly #session: Session;
  readonly #backpressure: Backpressure;
  readonly #memory: ConnectionMemory;
  readonly #writer: LinkWriter;
  /** Undefined while nothing is read. */
  #reader: BananaReader | undefined;
  /** The long message that is being read, and its bytes. */
  #steps: Steps<void> | undefined;
  #stepsBytes = 0;
  #isReading = false;
  /** The core while the connection is ready. Fields, because they are looked at for each message. */
  #core: ConnectionCore | undefined;
  #isOpen = true;
  /** Bytes since the connection was made. */
  bytesReceived = 0;

  constructor(
    owner: ReaderOwner,
    session: Session,
    backpressure: Backpressure,
    memory: ConnectionMemory,
    writer: LinkWriter,
  ) {
    this.#owner = owner;
    this.#session = session;
    this.#backpressure = backpressure;
    this.#memory = memory;
    this.#writer = writer;
  }

  /** Takes bytes from the link. */
  receive(bytes: Uint8Array): void {
    if (!this.#isOpen) return;
    this.bytesReceived += bytes.length;
    this.#session.push(bytes);
    if (this.isBusy) queueMicrotask(() => this.read());
    else this.read();
  }

  /**
   * Whether a message is being read or written. Bytes that the link delivers meanwhile, within `send`, are read a
   * little later.
   */
  get isBusy(): boolean {
    return this.#isReading || this.#writer.isSending || this.#core?.outbox.isWriting === true;
  }

  /** Reads what has arrived, until the turn of this connection is over. */
  read(): void {
    if (!this.#isOpen || this.#isReading) return;
    this.#isReading = true;
    const reader = (this.#reader ??= takeReader());
    try {
      this.#readMessages(reader);
      this.#countUnread();
    } catch (error) {
      const reason = this.#core === undefined ? failedNegotiation(error) : "protocol";
      this.#owner.end(error instanceof LimitError ? "limit" : reason, error);
    } finally {
      this.#isReading = false;
      if (this.#steps === undefined) this.#giveBackReader(reader);
    }
    this.#finishTurn();
  }

  /** A message that was read may have ended the connection. */
  #finishTurn(): void {
    if (this.#isOpen) this.#backpressure.regulate();
    else this.#giveUp();
  }

  /** The connection is ready. */
  start(core: ConnectionCore): void {
    this.#core = core;
  }

  /** The connection has ended. */
  stop(): void {
    this.#isOpen = false;
    this.#core = undefined;
    if (!this.#isReading) this.#giveUp(); // Otherwise `read` does it.
  }

  /** Drops the message that is being read, and the received bytes of the next one. */
  #giveUp(): void {
    this.#steps?.return();
    this.#endSteps();
    this.#reader = undefined;
    leave(this);
    this.#session.discard();
  }

  #giveBackReader(reader: BananaReader): void {
    this.#reader = undefined;
    reader.reset(NO_BYTES, 0, 0, none, 0, NO_VIEW); // It must not keep the buffer of this connection.
    spareReader = reader;
  }

  #readMessages(reader: BananaReader): void {
    while (this.#isOpen) {
      const isHolding = this.#core !== undefined && this.#core.responder.heldBytes > 0;
      // Otherwise everything that has arrived is read and running.
      const hasSomething = isHolding || this.#steps !== undefined || this.#session.pendingBytes > 0;
      if (hasSomething && !this.#admitsNext()) return;
      if (this.#steps !== undefined) {
        if (this.#steps.next().done === true) this.#endSteps();
        continue;
      }
      if (isHolding && this.#core?.responder.runHeld() === true) continue;
      const hasMessage = this.#session.advance(reader, SCANNED_BYTES);
      if (this.#core === undefined) this.#becomeReady();
      // The root source may have closed the connection.
      if (hasMessage && this.#core !== undefined) this.#receive(this.#core, reader);
      else if (!this.#session.isInterrupted) {
        this.#backpressure.rest(this.#session.pendingBytes);
        return;
      }
    }
  }

  #becomeReady(): void {
    const { dialect } = this.#session;
    if (dialect !== undefined) this.#owner.becomeReady(dialect);
  }

  /**
   * Whether the next message or the next step may be read now. A message that has begun is read to its end, whatever
   * the load, because it takes more memory until then.
   */
  #admitsNext(): boolean {
    return this.#steps === undefined ? this.#backpressure.admitsMessage() : this.#backpressure.admitsStep();
  }

  /** Reads a message and passes it to its owner. Throws `ProtocolError` when the peer violated the protocol. */
  #receive(core: ConnectionCore, reader: BananaReader): void {
    const memory = this.#memory;
    memory.messageBytes = reader.bytesLeft;
    if (reader.bytesLeft <= SMALL_MESSAGE_BYTES && memory.hasLeastRoom) memory.heap.left = memory.granted = LEAST_ROOM;
    else memory.startMessage();
    if (reader.isLong()) {
      this.#startSteps(core, reader);
      return;
    }
    const message = this.#readMessage(reader);
    switch (message.command) {
      case "message":
      case "cachemessage":
        core.responder.receiveCall(message, reader);
        break;
      case "answer":
        core.caller.receiveAnswer(message.requestId, reader);
        break;
      case "error":
        core.caller.receiveError(message.requestId, reader);
        break;
      default:
        receiveOther(core, message);
    }
  }

  #readMessage(reader: BananaReader): ReceivedMessage {
    try {
      return readMessage(reader, this.#memory.heap);
    } catch (error) {
      this.#memory.checkMessage();
      throw error;
    }
  }

  #startSteps(core: ConnectionCore, reader: BananaReader): void {
    this.#stepsBytes = reader.bytesLeft;
    this.#steps = this.#receiveInSteps(core, reader);
    if (this.#stepsBytes < LARGE_MESSAGE_BYTES) return;
    this.#backpressure.waitFor((resume) => enter(this, resume));
  }

  *#receiveInSteps(core: ConnectionCore, reader: BananaReader): Steps<void> {
    const message = yield* this.#readMessageInSteps(reader);
    yield;
    switch (message.command) {
      case "message":
      case "cachemessage":
        yield* core.responder.receiveCallInSteps(message, reader);
        break;
      case "answer":
      case "error":
        yield* core.caller.receiveInSteps(message.command, message.requestId, reader);
        break;
      default:
        receiveOther(core, message);
    }
  }

  *#readMessageInSteps(reader: BananaReader): Steps<ReceivedMessage> {
    try {
      return yield* readMessageInSteps(reader, this.#memory.heap);
    } catch (error) {
      this.#memory.checkMessage();
      throw error;
    }
  }

  #endSteps(): void {
    if (this.#steps === undefined) return;
    this.#steps = undefined;
    if (this.#stepsBytes >= LARGE_MESSAGE_BYTES) leave(this);
    this.#countUnread(); // The next message has the whole memory again.
  }

  #countUnread(): void {
    const { pendingBytes } = this.#session;
    const bytes = this.#steps === undefined ? pendingBytes : pendingBytes + this.#stepsBytes + this.#memory.messageUsed;
    if (bytes !== this.#memory.unread) this.#memory.setUnread(bytes);
  }
}

/** Processes a message without values. */
function receiveOther(
  core: ConnectionCore,
  message: Exclude<ReceivedMessage, { command: "message" | "cachemessage" | "answer" | "error" }>,
): void {
  switch (message.command) {
    case "version":
      requireVersion(message.version);
      break;
    case "decref":
      core.exports.release(message.id);
      break;
    case "decache":
      core.exports.releaseCache(message.id);
      break;
    case "uncache":
      core.imports.uncache(message.id);
      break;
    case "didNotUnderstand":
      core.config.reportNotUnderstood(message.what, core.connection);
      break;
  }
}

function failedNegotiation(error: unknown): CloseReason {
  return error instanceof ServerBusyError ? "busy" : "negotiation";
}
