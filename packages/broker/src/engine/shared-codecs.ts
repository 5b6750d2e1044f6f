// The objects that write and read values, shared by all connections with the same options: each takes a kilobyte, is
// used for one message at a time, and there may be thousands of connections (bench `crowd`).

import type { BananaWriter, HeapAllowance } from "@pb/banana";
import { Jellier, Unjellier } from "@pb/jelly-types";
import type { Exactness, SecurityPolicy, TypeRegistry } from "@pb/jelly-types";
import type { Connection } from "../calls/callable.js";
import { IncomingGraph } from "../references/graph-context.js";

/** The options of connections that decide how values are written and read. */
interface ValueOptions {
  readonly types: TypeRegistry;
  readonly policy: SecurityPolicy | undefined;
  readonly exactness: Exactness;
  readonly unknownCopies: "refuse" | "keep";
  reportDropped(type: string, names: readonly string[], connection?: Connection): void;
  reportUnpersistable(reason: string, connection?: Connection): void;
}

/** The way of each call through it is short (ARCHITECTURE.md): outbox and responder use the fields themselves. */
export class SharedCodecs {
  readonly #options: ValueOptions;
  /**
   * The jellier, while no message is being written. Its user takes it away for one message. A message that is written
   * while a state hook of another connection's message is running has a new one.
   */
  jellier: Jellier | undefined;
  /**
   * The unjellier for messages that are read at once. It may be reading: then a hook of another message is running, and
   * the message has a new one.
   */
  unjellier: Unjellier | undefined;

  constructor(options: ValueOptions) {
    this.#options = options;
  }

  newJellier(writer: BananaWriter): Jellier {
    return new Jellier(writer, { registry: this.#options.types });
  }

  /** An unjellier for a message that is read at once. */
  unjellierFor(heap: HeapAllowance): Unjellier {
    const unjellier = (this.unjellier ??= this.newUnjellier(heap));
    if (unjellier.isReading) return this.newUnjellier(heap);
    unjellier.heap = heap;
    return unjellier;
  }

  /** An unjellier for a message that is read in steps. */
  newUnjellier(heap: HeapAllowance): Unjellier {
    const options = this.#options;
    const unjellier: Unjellier = new Unjellier({
      registry: options.types,
      policy: options.policy,
      heap,
      ...options.exactness,
      unknownCopies: options.unknownCopies,
      onDropped: (type, names) => options.reportDropped(type, names, connectionOf(unjellier)),
      onUnpersistable: (reason) => options.reportUnpersistable(reason, connectionOf(unjellier)),
    });
    return unjellier;
  }
}

/** The connection whose message is being read. */
function connectionOf({ context }: Unjellier): Connection | undefined {
  return context instanceof IncomingGraph ? context.context.connection : undefined;
}
