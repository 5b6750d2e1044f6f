// Appends the records of one epoch to a log, and learns from the log what became of each.

import { withDeadline } from "@pb/broker/extension";
import type { ClusterEngine } from "../engine/engine.js";
import { ClusterError, EngineError, LogMovedError } from "../errors.js";
import { pause } from "../pause.js";
import type { LiveLog } from "./live-log.js";
import { encodeRecord } from "./record.js";
import type { LogRecord } from "./record.js";

/** Writes to one log. There is at most one append in flight. */
export class LogWriter {
  readonly #engine: ClusterEngine;
  readonly #name: string;
  readonly #log: LiveLog;
  readonly #signal: AbortSignal;
  /** Whether an append has shown that the engine does not have the records that this node has read. */
  hasFoundLoss = false;

  /** Stops when the signal aborts. */
  constructor(engine: ClusterEngine, name: string, log: LiveLog, signal: AbortSignal) {
    this.#engine = engine;
    this.#name = name;
    this.#log = log;
    this.#signal = signal;
  }

  /**
   * Appends a record of the current epoch and resolves when the log has delivered it. Rejects with `ClusterError`
   * when it is too large, and when it was not written or this is not known. Then another node is home.
   */
  async append(record: LogRecord, replace = false): Promise<void> {
    const { epoch, revision } = record;
    const hasArrived = (): boolean =>
      replace
        ? this.#log.snapshot?.revision === revision && this.#log.patches.length === 0
        : this.#log.revision >= revision;
    const isOver = (): boolean => this.#log.epoch !== epoch;
    await this.#appendUntil(record, replace, () => isOver() || hasArrived());
    if (!isOver() || record.kind === "snapshot") return;
    const isWritten = this.#log.contains(epoch, revision);
    if (isWritten === true) return;
    if (isWritten === false) throw notHome();
    throw new ClusterError("CLUSTER_OUTCOME_UNKNOWN", "Other nodes have become home; the update may have been written");
  }

  /** Begins an epoch. Resolves with whether this node has: otherwise another one has begun it. */
  async begin(record: Exclude<LogRecord, { kind: "patch" }>): Promise<boolean> {
    await this.#appendUntil(record, false, () => this.#log.epoch >= record.epoch);
    return this.#log.epoch === record.epoch && this.#log.home?.run === record.home.run;
  }

  /**
   * Appends the record after the last one that was read, until the condition is true. An append whose outcome is not
   * known is repeated after the same record: if the first one was successful after all, the log has moved.
   */
  async #appendUntil(record: LogRecord, replace: boolean, isDone: () => boolean): Promise<void> {
    const bytes = encodeRecord(record);
    while (!isDone()) {
      this.#signal.throwIfAborted();
      const after = this.#log.number;
      const hasMoved = (): boolean => this.#log.number > after;
      try {
        const number = await this.#engine.append(this.#name, bytes, after, { replace });
        await this.#log.until(() => this.#log.number >= number, this.#signal);
      } catch (error) {
        if (error instanceof LogMovedError) await this.#moved(hasMoved);
        else if (error instanceof EngineError && error.code === "ENGINE_AWAY") await this.#connected();
        else throw error;
      }
    }
  }

  /** Resolves when the record has arrived that another writer has appended. Otherwise, the engine has lost records. */
  async #moved(hasMoved: () => boolean): Promise<void> {
    const text = `The log ${this.#name} has another last record than this node has read, which does not arrive`;
    const lost = (): Error => {
      this.hasFoundLoss = true;
      return new ClusterError("CLUSTER_OUTCOME_UNKNOWN", text);
    };
    const waiting = { signal: this.#signal, timeoutMs: MOVED_MS };
    await withDeadline(waiting, lost, (signal) => this.#log.until(hasMoved, signal));
  }

  /** Resolves when the engine is connected, later than in this turn. */
  async #connected(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const check = (): void => {
        if (this.#engine.state === "away" && !this.#signal.aborted) return;
        unsubscribe();
        this.#signal.removeEventListener("abort", check);
        if (this.#signal.aborted) reject(this.#signal.reason as Error);
        else resolve(pause(RETRY_MS, this.#signal));
      };
      const unsubscribe = this.#engine.onState(check);
      this.#signal.addEventListener("abort", check);
      check();
    });
  }
}

/** How long a record may take from the log to this node. After that, the engine has lost records. */
const MOVED_MS = 10_000;

/** Before an append is repeated, while the engine says that it is connected: it may not know yet that it is not. */
const RETRY_MS = 50;

export function notHome(): ClusterError {
  return new ClusterError("CLUSTER_NOT_HOME", "The update was not written: another node has become home");
}
