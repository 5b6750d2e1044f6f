// What a node knows of the log of a live object: the bytes that viewers need, who is home, and on demand the state.

import type { PlainTree } from "@pb/jelly-types";
import { Subscriptions } from "@pb/broker/extension";
import { dispose } from "@pb/jelly-types";
import { PatchedState } from "@pb/live/extension";
import { ClusterError } from "../errors.js";
import { decodeRecord } from "./record.js";
import type { Beginning, Home, LogRecord } from "./record.js";

/** A patch, and how many bytes its record has. */
export interface StoredPatch {
  readonly revision: number;
  readonly since: number;
  readonly tree: PlainTree;
}

/** The epochs whose beginnings are kept: a home that was frozen for longer does not learn what became of its update. */
const MOST_BEGINNINGS = 16;

export class LiveLog {
  /** The number of the last record. */
  number = 0;
  epoch = 0;
  revision = 0;
  home: Home | undefined;
  snapshot: { readonly revision: number; readonly tree: PlainTree } | undefined;
  /** Those after the snapshot. */
  patches: StoredPatch[] = [];
  /** Bytes of the records of the snapshot and of the patches. */
  snapshotBytes = 0;
  patchBytes = 0;
  /** Whether a record could not be read. A later snapshot ends that. */
  isBroken = false;
  readonly #changes = new Subscriptions<[]>();
  #beginnings: readonly Beginning[] = [];
  #state: { readonly revision: number; readonly value: unknown } | undefined;

  /** Takes the next record. Throws `ClusterError` for one that does not fit: the log is broken then. */
  apply(bytes: Uint8Array, number: number): LogRecord | undefined {
    this.number = number;
    try {
      const record = decodeRecord(bytes);
      if (this.isBroken && record.kind !== "snapshot") return undefined;
      this.#apply(record, bytes.length);
      return record;
    } catch (error) {
      this.isBroken = true;
      throw error;
    } finally {
      this.changed();
    }
  }

  /** Forgets everything: the records that follow are those of a new log. */
  startAgain(): void {
    this.number = this.epoch = this.revision = 0;
    this.home = this.snapshot = this.#state = undefined;
    this.patches = [];
    this.#beginnings = [];
    this.isBroken = true; // Until a snapshot has arrived.
  }

  /** The engine has lost all records. The next one has the state that this node knows, and the next epoch. */
  beginAgain(): void {
    this.number = 0;
    this.home = undefined;
    this.changed();
  }

  /** Calls the listeners: the conditions that they wait for may be true. */
  changed(): void {
    for (const listener of this.#changes) listener();
  }

  /** The beginnings for a record with which an epoch begins, or that of the current epoch. */
  beginningsWith(epoch: number): readonly Beginning[] {
    const kept = this.#beginnings.filter(([known]) => known !== epoch);
    const own = this.#beginnings.find(([known]) => known === epoch) ?? ([epoch, this.revision] as const);
    return [...kept, own].slice(-MOST_BEGINNINGS);
  }

  /** Whether the revision that was written in an epoch, which has ended, is part of the log. Undefined: not known. */
  contains(epoch: number, revision: number): boolean | undefined {
    const next = this.#beginnings.find(([known]) => known === epoch + 1);
    return next === undefined ? undefined : revision <= next[1];
  }

  /** The current state, frozen. What a patch does not change stays the same object. */
  state(): unknown {
    if (this.#state?.revision === this.revision || this.snapshot === undefined) return this.#state?.value;
    const { snapshot } = this;
    const known = this.#state !== undefined && this.#state.revision >= snapshot.revision ? this.#state : undefined;
    const patched = new PatchedState(known?.value ?? snapshot.tree.value);
    const from = known?.revision ?? snapshot.revision;
    for (const { revision, tree } of this.patches) if (revision > from) patched.apply(tree.value);
    this.#state = { revision: this.revision, value: patched.finish() };
    return this.#state.value;
  }

  /** Calls `listener` after each record. Returns a function that unsubscribes. */
  onChange(listener: () => void): () => void {
    const subscription = this.#changes.add(listener);
    return () => subscription[dispose]();
  }

  /** Resolves when the condition is true. Rejects with the reason of the signal. */
  async until(isTrue: () => boolean, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (isTrue()) return;
    await new Promise<void>((resolve, reject) => {
      const end = (finish: () => void): void => {
        unsubscribe();
        signal.removeEventListener("abort", abort);
        finish();
      };
      const abort = (): void => end(() => reject(signal.reason as Error));
      const unsubscribe = this.onChange(() => (isTrue() ? end(resolve) : undefined));
      signal.addEventListener("abort", abort, { once: true });
    });
  }

  #apply(record: LogRecord, size: number): void {
    if (record.kind === "patch") this.#applyPatch(record, size);
    else {
      const { kind, epoch, revision } = record;
      // Before a snapshot, records may have been dropped that this node has not read.
      const fits =
        kind === "home"
          ? epoch === this.epoch + 1 && revision === this.revision
          : epoch >= this.epoch && revision >= this.revision;
      if (!fits) throw unexpected(`${kind} of epoch ${epoch} and revision ${revision}`, this);
      if (kind === "snapshot") {
        this.snapshot = { revision: record.revision, tree: record.tree };
        this.snapshotBytes = size;
        this.patches = [];
        this.patchBytes = 0;
        this.isBroken = false;
      }
      this.epoch = record.epoch;
      this.home = record.home;
      this.revision = record.revision;
      this.#beginnings = record.beginnings;
    }
  }

  #applyPatch({ epoch, revision, since, tree }: LogRecord & { kind: "patch" }, size: number): void {
    if (epoch !== this.epoch || since !== this.revision || revision <= since)
      throw unexpected(`patch of epoch ${epoch} from revision ${since} to ${revision}`, this);
    this.patches.push({ revision, since, tree });
    this.patchBytes += size;
    this.revision = revision;
  }
}

function unexpected(what: string, { epoch, revision }: LiveLog): ClusterError {
  return new ClusterError("CLUSTER_BAD_RECORD", `A ${what} does not follow epoch ${epoch} and revision ${revision}`);
}
