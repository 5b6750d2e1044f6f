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

export class SharedCodecs {
  readonly #options: ValueOptions;
  /** Undefined while it is taken. */
  #jellier: Jellier | undefined;
  #unjellier: Unjellier | undefined;

  constructor(options: ValueOptions) {
    this.#options = options;
  }

  /**
   * A jellier for one message, which writes to `writer`. It is a new one while a state hook of another connection's
   * message is running. Pass it to {@link giveBack}.
   */
  takeJellier(writer: BananaWriter): Jellier {
    const jellier = this.#jellier;
    if (jellier === undefined) return new Jellier(writer, { registry: this.#options.types });
    this.#jellier = undefined;
    jellier.writer = writer;
    return jellier;
  }

  giveBack(jellier: Jellier): void {
    jellier.start(); // Forgets the message.
    this.#jellier = jellier;
  }

  /** An unjellier for a message that is read at once. It is a new one while a hook of another message is running. */
  unjellierFor(heap: HeapAllowance): Unjellier {
    const unjellier = (this.#unjellier ??= this.newUnjellier(heap));
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
