// A memory engine that can be away, freeze and lose acknowledgements, for tests of programs that use a cluster.

import { MemoryEngine } from "../engine/memory-engine.js";
import { EngineError } from "../errors.js";

/** A {@link MemoryEngine} whose connection to its `MemoryServer` fails when a test wants it to. */
export class FaultyEngine extends MemoryEngine {
  #frozen: { readonly thawed: Promise<void>; readonly thaw: () => void } | undefined;
  #acksToLose = 0;

  /** The engine cannot reach the server, and knows it: its state is `away`. */
  disconnect(): void {
    this.setState("away");
  }

  /** Ends {@link disconnect}. */
  reconnect(): void {
    this.setState("connected");
  }

  /** Nothing goes from or to the server, and the engine does not know it: as in a process that is stopped. */
  freeze(): void {
    if (this.#frozen !== undefined) return;
    let thaw!: () => void;
    const thawed = new Promise<void>((resolve) => (thaw = resolve));
    this.#frozen = { thawed, thaw };
  }

  /** Ends {@link freeze}: what was held back goes on. */
  thaw(): void {
    const frozen = this.#frozen;
    this.#frozen = undefined;
    frozen?.thaw();
  }

  /** The next `count` records that are appended are appended, and then rejected with `ENGINE_AWAY`. */
  loseAcknowledgements(count = 1): void {
    this.#acksToLose = count;
  }

  /** The server gives the keys of this engine to others: as when the engine could not renew its leases. */
  override expireLeases(): void {
    super.expireLeases();
  }

  /** @internal */
  protected override async reach(): Promise<void> {
    while (this.#frozen !== undefined) await this.#frozen.thawed;
    await super.reach();
  }

  /** @internal */
  protected override async acknowledge(): Promise<void> {
    if (this.#acksToLose === 0) return;
    this.#acksToLose--;
    throw new EngineError("ENGINE_AWAY", "The acknowledgement was lost");
  }
}
