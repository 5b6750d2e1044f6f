// Decides which node is home of an object: one that gets its lease takes the log over.

import type { ClusterEngine, Lease } from "../engine/engine.js";
import { EngineError } from "../errors.js";
import type { Node } from "../nodes/node.js";
import { pause } from "../pause.js";
import { RepeatedErrors } from "../repeated-errors.js";

/** Before a node tries again to get a lease when the engine has failed. */
const RETRY_MS = 250;

export class Election {
  readonly #engine: ClusterEngine;
  readonly #key: string;
  readonly #holder: string;
  readonly #signal: AbortSignal;
  readonly #errors: RepeatedErrors;
  readonly #elected: () => void;
  #lease: Lease | undefined;
  #isClaiming = false;
  #isWanted = false;
  #isStopped = false;

  /** Calls `elected` whenever this node has got the lease of the key. `holder` is what others read of the key. */
  constructor({ engine, signal, report }: Node, key: string, holder: string, elected: () => void) {
    this.#engine = engine;
    this.#key = key;
    this.#holder = holder;
    this.#signal = signal;
    this.#errors = new RepeatedErrors(report);
    this.#elected = elected;
  }

  get hasLease(): boolean {
    return this.#lease !== undefined;
  }

  /** Tries to get the lease: at the start, and when it may be free. */
  claim(): void {
    this.#isWanted = true;
    if (!this.#isClaiming) void this.#run();
  }

  /** Gives the lease up for good. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.release();
  }

  /** Gives the lease up. Another node may get it before this one does. */
  async release(): Promise<void> {
    const lease = this.#lease;
    this.#lease = undefined;
    await lease?.release();
  }

  #hasEnded(): boolean {
    return this.#isStopped || this.#signal.aborted;
  }

  async #run(): Promise<void> {
    this.#isClaiming = true;
    while (this.#isWanted && this.#lease === undefined && !this.#hasEnded()) {
      this.#isWanted = false;
      try {
        const lease = await this.#engine.claim(this.#key, this.#holder);
        this.#errors.succeeded();
        if (lease !== undefined) this.#got(lease);
      } catch (error) {
        const code = error instanceof EngineError ? error.code : undefined;
        if (code === "ENGINE_CLOSED") break;
        if (code !== "ENGINE_AWAY") this.#errors.failed(error);
        this.#isWanted = true;
        await pause(RETRY_MS, this.#signal);
      }
    }
    this.#isClaiming = false;
  }

  #got(lease: Lease): void {
    if (this.#hasEnded()) {
      void lease.release();
      return;
    }
    this.#lease = lease;
    lease.lost.addEventListener("abort", () => {
      if (this.#lease !== lease) return;
      this.#lease = undefined;
      this.claim();
    });
    this.#elected();
  }
}
