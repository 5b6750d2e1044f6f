// Plays one side of a recorded connection, and compares what the live peer says with the recording.

import type { Expression } from "@pb/banana";
import { setTimeout as sleep } from "node:timers/promises";
import type { Call, Message, Side } from "../conversation/messages.js";
import { isLoginCall, isScramProof } from "../conversation/secret-names.js";
import { CliError } from "../errors.js";
import { compareMessages, isSameKind } from "./comparison.js";
import type { Mismatch } from "./comparison.js";
import { PeerIds } from "./ids.js";
import type { LivePeer } from "./live-peer.js";
import type { ReadMessage, Script } from "./script.js";
import { challengeIn, hasSecret, loginSecret, scramError, withSecret } from "./secrets.js";

export interface PlayOptions {
  readonly as: Side;
  readonly isStrict: boolean;
  /** Whether messages are sent at the pace of the recording. */
  readonly keepsTiming: boolean;
  /** Milliseconds that the peer may take for its next message. */
  readonly answerMs: number;
  readonly ignored: ReadonlySet<string>;
  readonly signal: AbortSignal;
  /** Called when a login needs the password or the token. */
  readonly secret: () => Promise<string>;
  /** Called with what the user should know. */
  readonly warn: (text: string) => void;
}

/** What was different first. */
export interface Difference {
  /** Undefined: nothing of this kind was expected. */
  readonly recorded: ReadMessage | undefined;
  /** Undefined: nothing arrived. */
  readonly live: ReadMessage | undefined;
  /** In words, where there is no message. */
  readonly text: string | undefined;
  readonly mismatch: Mismatch | undefined;
}

/** The live peer did something else than in the recording. */
class Deviation extends Error {
  readonly difference: Difference;
  constructor(difference: Difference) {
    super("The peer did something else than in the recording");
    this.difference = difference;
  }
}

/** Messages of the peer that may arrive in any order: a recording can have millions in a row. */
const MOST_EXPECTED = 1000;

/** Milliseconds until a connection is given up that the peer should close. */
const CLOSE_MS = 5000;

export class Player {
  readonly #script: Script;
  readonly #peer: LivePeer;
  readonly #options: PlayOptions;
  readonly #ids = new PeerIds();
  /** Recorded messages of the peer that must arrive before this end sends its next one. */
  readonly #expected: ReadMessage[] = [];
  /** Messages of the peer that are recorded further on. */
  readonly #early: ReadMessage[] = [];
  #challenge: Uint8Array | undefined;
  #clock: { readonly recordedMs: number; readonly liveMs: number } | undefined;
  sent = 0;
  received = 0;

  constructor(script: Script, peer: LivePeer, options: PlayOptions) {
    this.#script = script;
    this.#peer = peer;
    this.#options = options;
  }

  /** Resolves when everything was played, or with the first difference. Rejects with `CliError`. */
  async play(): Promise<Difference | undefined> {
    try {
      for (let next = await this.#script.next(); next !== undefined; next = await this.#script.next()) {
        if (next.message.from === this.#options.as) {
          await this.#settle();
          await this.#send(next);
        } else if (!this.#isSkipped(next.message)) {
          this.#expected.push(next);
          if (this.#expected.length === MOST_EXPECTED) await this.#settle();
        }
      }
      await this.#settle();
      await this.#close();
      return undefined;
    } catch (error) {
      if (error instanceof Deviation) return error.difference;
      throw error;
    }
  }

  /** When references are given back depends on garbage collection. Notes to calls contain times. */
  #isSkipped(message: Message): boolean {
    if (this.#options.isStrict) return false;
    if (message.kind === "call") return message.target === "pbx" && !message.wantsAnswer;
    return message.kind === "decref" || message.kind === "decache";
  }

  /** Waits until all expected messages have arrived. */
  async #settle(): Promise<void> {
    for (const live of this.#early.splice(0)) await this.#match(live);
    while (this.#expected.length > 0) {
      const live = await this.#peer.next(this.#options.answerMs, this.#options.signal);
      if (live === undefined) throw this.#nothingCame();
      if (!this.#isSkipped(live.message)) await this.#match(live);
    }
  }

  /** Finds the expected message that has arrived. Throws {@link Deviation} if there is none. */
  async #match(live: ReadMessage): Promise<void> {
    let closest: Difference | undefined;
    const candidates = this.#options.isStrict ? this.#expected.slice(0, 1) : this.#expected;
    for (const [index, recorded] of candidates.entries()) {
      const mismatch = compareMessages(recorded, live, this.#ids, this.#options);
      if (mismatch === undefined) {
        this.#expected.splice(index, 1);
        this.#accepted(recorded, live);
        return;
      }
      if (isSameKind(recorded.message, live.message)) closest ??= { recorded, live, mismatch, text: undefined };
    }
    const isLater =
      !this.#options.isStrict && this.#early.length < MOST_EXPECTED && (await this.#isRecordedLater(live));
    if (!isLater) throw new Deviation(closest ?? this.#unexpected(live));
    this.#early.push(live);
  }

  #isRecordedLater({ message: live }: ReadMessage): Promise<boolean> {
    return this.#script.someLater(
      ({ message }) => message.from === live.from && message.kind === live.kind && isSameKind(message, live),
    );
  }

  #accepted({ message }: ReadMessage, live: ReadMessage): void {
    this.received++;
    this.#tick(message.timeMs);
    if (message.kind === "answer" && message.call?.method === "login" && Array.isArray(live.tree))
      this.#challenge = challengeIn(live.tree[2]!);
  }

  #unexpected(live: ReadMessage): Difference {
    return { recorded: this.#expected[0], live, mismatch: undefined, text: undefined };
  }

  #nothingCame(): Deviation {
    // A message that was kept for one which is recorded further on may have been meant for this one.
    const [recorded] = this.#expected;
    const live = this.#early.find(({ message }) => isSameKind(recorded!.message, message));
    if (live !== undefined) {
      const mismatch = compareMessages(recorded!, live, this.#ids, this.#options);
      return new Deviation({ recorded, live, mismatch, text: undefined });
    }
    const text = this.#peer.hasEnded
      ? "the connection was closed"
      : `nothing, within ${this.#options.answerMs / 1000} s (--timeout)`;
    return new Deviation({ recorded, live: undefined, mismatch: undefined, text });
  }

  async #send({ message, tree }: ReadMessage): Promise<void> {
    if (!Array.isArray(tree) && message.kind !== "choice") {
      throw new CliError("CLI_REPLAY", `Message ${this.sent + this.received + 1} of the recording cannot be decoded`);
    }
    const translated = Array.isArray(tree) ? this.#ids.translate(message, tree) : tree;
    // The peer has not sent this object, or does not wait for this answer: a stock peer would end the connection.
    if (translated === undefined) return;
    const complete = hasSecret(translated) ? await this.#withSecrets(message, translated) : translated;
    if (this.#options.keepsTiming) await this.#waitUntil(message.timeMs);
    this.#options.signal.throwIfAborted();
    if (this.#peer.hasEnded)
      throw new Deviation({
        recorded: undefined,
        live: undefined,
        mismatch: undefined,
        text: "the connection was closed",
      });
    await this.#peer.send(complete, this.#options.signal);
    this.sent++;
    this.#tick(message.timeMs);
  }

  async #withSecrets(message: Message, tree: Expression): Promise<Expression> {
    if (message.kind === "answer" && message.call !== undefined && isScramProof(message.call)) throw scramError();
    if (message.kind === "call" && isLoginCall(message)) {
      const secret = await this.#loginSecret(message);
      if (secret !== undefined) return withSecret(tree, secret);
    }
    this.#options.warn(`Message ${this.sent + this.received + 1} is sent with [redacted] in the place of its secrets`);
    return tree;
  }

  async #loginSecret(call: Call): Promise<Uint8Array | undefined> {
    if (isScramProof(call)) throw scramError();
    return loginSecret(call, this.#challenge, await this.#options.secret());
  }

  #tick(recordedMs: number): void {
    this.#clock = { recordedMs, liveMs: performance.now() };
  }

  /** Waits as long as the sender waited in the recording. */
  async #waitUntil(recordedMs: number): Promise<void> {
    if (this.#clock === undefined) return;
    const restMs = recordedMs - this.#clock.recordedMs - (performance.now() - this.#clock.liveMs);
    if (restMs > 0) await sleep(restMs, undefined, { signal: this.#options.signal });
  }

  /** Waits until the peer closes the connection. Throws {@link Deviation} if it says more than was recorded. */
  async #expectNothing(): Promise<void> {
    const { answerMs, signal } = this.#options;
    for (let live = await this.#peer.next(answerMs, signal); live !== undefined;) {
      const isKept = live.message.kind === "call" && live.message.target !== "pbx";
      if (isKept) throw new Deviation({ recorded: undefined, live, mismatch: undefined, text: undefined });
      live = await this.#peer.next(answerMs, signal);
    }
  }

  async #close(): Promise<void> {
    const { as, isStrict, signal } = this.#options;
    if (this.#script.closedBy !== undefined && this.#script.closedBy !== as) {
      await this.#expectNothing();
      if (isStrict && !this.#peer.hasEnded)
        throw new Deviation({
          recorded: undefined,
          live: undefined,
          mismatch: undefined,
          text: "the peer did not close the connection",
        });
    }
    this.#peer.end();
    await this.#peer.ended(CLOSE_MS, signal);
  }
}
