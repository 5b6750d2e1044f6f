// The state of a live object at its home: it is changed here, and written to the log.

import { PlainTree } from "@pb/jelly-types";
import { LiveError } from "@pb/live";
import type { Draft } from "@pb/live";
import { applyRecipe, diff, seal } from "@pb/live/extension";
import { ClusterError } from "../errors.js";
import type { LiveLog } from "../log/live-log.js";
import { encodeRecord } from "../log/record.js";
import type { LogRecord } from "../log/record.js";
import type { LogWriter } from "../log/log-writer.js";

/** What the methods of a live object use at its home. */
export interface HomeState<State extends object> {
  /** The state with all updates, also those that have not been written yet. Frozen. */
  readonly state: State;
  /**
   * Changes the state: `recipe` changes a draft. Resolves when the change is written, and not before: viewers see it
   * then, and it survives the end of this node. Updates that are made while one is being written are written together.
   *
   * Rejects with what `recipe` throws, with `LiveError` for a state that cannot be sent, and with {@link ClusterError}.
   */
  update(recipe: (draft: Draft<State>) => unknown): Promise<void>;
  /** Aborts when this node is not home anymore. Stop timers then. */
  readonly signal: AbortSignal;
}

interface Waiter {
  resolve(): void;
  reject(error: unknown): void;
}

/** A snapshot is written when the patches since the last one have more bytes than it has, and more than these. */
const LEAST_PATCH_BYTES = 65_536;

/** What the head of a record may get longer until the next one. */
const SLACK = 64;

/** Patches that a new viewer gets one by one. More are replaced by a snapshot. */
const MOST_PATCHES = 256;

export class HomeWriter<State extends object> implements HomeState<State> {
  readonly signal: AbortSignal;
  readonly epoch: number;
  readonly #log: LiveLog;
  readonly #writer: LogWriter;
  readonly #maxBytes: number;
  #state: State;
  #written: State;
  #waiting: Waiter[] = [];
  #isWriting = false;
  #writing: Promise<void> = Promise.resolve();
  /** Whether a recipe runs. */
  #isBusy = false;
  /** Why nothing is written anymore. */
  #end: unknown;
  readonly #onEnd: (error: unknown) => void;

  /** Starts from the state of the log, in which this node has begun an epoch. `onEnd` is called if writing fails. */
  constructor(log: LiveLog, writer: LogWriter, maxBytes: number, signal: AbortSignal, onEnd: (error: unknown) => void) {
    this.signal = signal;
    this.epoch = log.epoch;
    this.#log = log;
    this.#writer = writer;
    this.#maxBytes = maxBytes - SLACK;
    this.#onEnd = onEnd;
    this.#state = this.#written = log.state() as State;
  }

  get state(): State {
    return this.#state;
  }

  async update(recipe: (draft: Draft<State>) => unknown): Promise<void> {
    if (this.#end !== undefined || this.signal.aborted) throw this.#end ?? this.signal.reason;
    this.#change(recipe);
    // A change that follows one which is being written depends on it, also if it changes nothing.
    if (this.#state === this.#written && !this.#isWriting) return;
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      if (!this.#isWriting) this.#writing = this.#write();
    });
  }

  /** Resolves when nothing is being written. */
  async idle(): Promise<void> {
    while (this.#isWriting) await this.#writing;
  }

  #change(recipe: (draft: Draft<State>) => unknown): void {
    if (this.#isBusy) throw new LiveError("LIVE_NESTED_UPDATE", "update was called in a recipe of this object");
    this.#isBusy = true;
    try {
      const state = applyRecipe(this.#state, recipe);
      seal(state, this.#state);
      this.#state = state;
    } finally {
      this.#isBusy = false;
    }
  }

  /** Writes what was changed, until nothing has. Never rejects. */
  async #write(): Promise<void> {
    this.#isWriting = true;
    while (this.#waiting.length > 0) {
      await Promise.resolve(); // Updates of one turn are one patch.
      const batch = this.#waiting.splice(0);
      try {
        await this.#writeState(this.#state);
        for (const waiter of batch) waiter.resolve();
        await this.#compact();
      } catch (error) {
        for (const waiter of batch) waiter.reject(error);
        if (!(error instanceof ClusterError && error.code === "CLUSTER_TOO_LARGE")) this.#stop(error);
      }
    }
    this.#isWriting = false;
  }

  async #writeState(state: State): Promise<void> {
    const operations = diff(this.#written, state);
    const { epoch } = this;
    const since = this.#log.revision;
    const patch: LogRecord = { kind: "patch", epoch, revision: since + 1, since, tree: new PlainTree(operations) };
    if (operations.length > 0) {
      this.#requireRoom(state, encodeRecord(patch).length);
      await this.#writer.append(patch);
    }
    this.#written = state;
  }

  /** Replaces the records by a snapshot when they are many, so that a new viewer and a new home need only a few. */
  async #compact(): Promise<void> {
    const { snapshotBytes, patchBytes, patches } = this.#log;
    const isLong = patches.length >= MOST_PATCHES || patchBytes > Math.max(LEAST_PATCH_BYTES, snapshotBytes);
    if (isLong || snapshotBytes + patchBytes > this.#maxBytes)
      await this.#writer.append(this.#snapshot(this.#written), true);
  }

  /** Throws `ClusterError`, and takes the change back, when the patch or the state would not fit into a record. */
  #requireRoom(state: State, size: number): void {
    const { snapshotBytes, patchBytes } = this.#log;
    let bytes = size;
    if (snapshotBytes + patchBytes + size > this.#maxBytes)
      bytes = Math.max(size, encodeRecord(this.#snapshot(state)).length);
    if (bytes <= this.#maxBytes) return;
    this.#state = this.#written;
    const text = `The state or its change has ${bytes} bytes, more than the ${this.#maxBytes} of a record`;
    throw new ClusterError("CLUSTER_TOO_LARGE", text);
  }

  #snapshot(state: State): LogRecord {
    const { epoch, home, revision } = this.#log;
    const beginnings = this.#log.beginningsWith(epoch);
    return { kind: "snapshot", epoch, revision, home: home!, beginnings, tree: new PlainTree(state) };
  }

  #stop(error: unknown): void {
    this.#end = error;
    this.#onEnd(error);
    for (const waiter of this.#waiting.splice(0)) waiter.reject(error);
  }
}
