// Messages on their way out: written whole or not at all, and sent together once a turn.

import { BananaWriter } from "@pb/banana";
import type { Dialect } from "@pb/banana";
import { Jellier, JellyError } from "@pb/jelly-types";
import type { Outgoing } from "../references/graph-context.js";
import { LimitError, PBError } from "../errors.js";
import type { BrokerConfig } from "./config.js";

/** Writes the elements of one message. */
export type Build = (writer: BananaWriter, jellier: Jellier) => void;

/** Written bytes leave at once when there are so many: a long turn shall not gather them all, yet 10,000 small calls are a few writes. */
const FLUSH_BYTES = 256 * 1024;

/** Messages that come of messages that come of messages: beyond so many, a hook sends the object that it is the hook of. */
const GENERATIONS = 100;

/** What hangs on it runs in a microtask: in Node for a third of what `queueMicrotask` costs (bench `one`). */
const SOON = Promise.resolve();

export class Outbox {
  readonly dialect: Dialect;
  readonly config: BrokerConfig;
  readonly #takesViews: boolean;
  readonly #send: (bytes: Uint8Array) => void;
  readonly #writer: BananaWriter;
  readonly #jellier: Jellier;
  #isWriting = false;
  #isScheduled = false;
  readonly #flushNow = (): void => {
    this.#isScheduled = false;
    this.flush();
  };
  /** Messages that came while another was written: they go behind it. */
  #following: { readonly out: Outgoing | undefined; readonly build: Build }[] = [];

  /** `takesViews`: see `Link.takesViews`. */
  constructor(dialect: Dialect, config: BrokerConfig, takesViews: boolean, send: (bytes: Uint8Array) => void) {
    this.#takesViews = takesViews;
    this.dialect = dialect;
    this.config = config;
    this.#send = send;
    this.#writer = new BananaWriter({ dialect, limits: config.limits.banana });
    this.#jellier = new Jellier(this.#writer, { registry: config.types });
  }

  /**
   * Writes one message. When `build` throws, nothing of it is sent, the references it counted are taken back, and the error goes on.
   *
   * A state hook may call the peer while its own state is being written. That message follows the one it comes from: it may well be about an
   * object which the peer is only just getting to know (Twisted sends it first, and the peer does not understand: wire specification 5.8). It is
   * written then, not now, so that it says what is true when it arrives: whether the object is known there shows when the first one is done.
   */
  write(out: Outgoing | undefined, build: Build): void {
    if (this.#isWriting) {
      this.#following.push({ out, build });
      return;
    }
    this.#isWriting = true;
    try {
      this.#build(out, build);
    } finally {
      if (this.#following.length > 0) this.#writeFollowing();
      this.#isWriting = false;
      if (this.#writer.position >= FLUSH_BYTES) this.flush();
      else this.#schedule();
    }
  }

  /** Their hooks may send more, which then follows, too; but not for ever. */
  #writeFollowing(): void {
    for (let generation = 1; this.#following.length > 0; generation++) {
      const following = this.#following;
      this.#following = [];
      for (const { out, build } of following) {
        try {
          if (generation > GENERATIONS) throw new PBError("A state hook sends what makes it send again");
          this.#build(out, build);
        } catch (error) {
          out?.failedLater?.(error);
        }
      }
    }
  }

  #build(out: Outgoing | undefined, build: Build): void {
    const writer = this.#writer;
    const start = writer.position;
    try {
      build(writer, this.#jellier);
      writer.seal();
      this.#checkSize(writer.position - start);
    } catch (error) {
      writer.truncate(start);
      out?.undo(error);
      if (error instanceof JellyError && error.code === "JELLY_STRING_TOO_LONG") error.message += "; send it in pages";
      throw error;
    }
  }

  /** What is larger than we would read is not sent: a peer like us would hang up. */
  #checkSize(bytes: number): void {
    const { messageBytes } = this.config.limits;
    if (bytes <= messageBytes) return;
    throw new LimitError(
      "messageBytes",
      `A message of ${bytes} bytes is over the limit of ${messageBytes}: send it in pages`,
    );
  }

  /** Whether a message is being written: another one will be written behind it, and whether it can be shows only then. */
  get isWriting(): boolean {
    return this.#isWriting;
  }

  /** Bytes written and not sent yet. */
  get size(): number {
    return this.#writer.position;
  }

  /** Sends what is written, now. */
  flush(): void {
    if (this.#isWriting || this.#writer.position === 0) return;
    this.#send(this.#takesViews ? this.#writer.takeView() : this.#writer.take());
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    void SOON.then(this.#flushNow);
  }
}
