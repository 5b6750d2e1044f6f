// The arguments of one call to many targets, written once and sent as bytes to each.

import type { Dialect } from "@pb/banana";
import type { Perspective } from "../calls/callable.js";

/**
 * What the bytes depend on apart from the values and the perspective. Connections with the same settings may share
 * bytes.
 */
export interface WritingSettings {
  /** The options of the connection. Compared by identity. */
  readonly config: object;
  readonly dialect: Dialect;
}

/** What the writing of a graph has looked at. Where that is the same, the bytes are the same. */
export type Dependence = "nothing" | "perspective" | "connection";

/** Bytes for all perspectives, or bytes by perspective. */
type Written = Uint8Array | Map<Perspective, Uint8Array>;

/**
 * Keeps the written arguments of one call, so that they are written once for all connections that would get the same
 * bytes (bench `updates-100`).
 */
export class SharedArguments {
  /** By configuration. Created when the first bytes are kept. */
  #written: Map<object, Map<Dialect, Written>> | undefined;
  /** Whether no further target follows, so that no copy has to be kept (bench `updates-1`). */
  isLast = false;

  find({ config, dialect }: WritingSettings, perspective: Perspective): Uint8Array | undefined {
    const written = this.#written?.get(config)?.get(dialect);
    return written instanceof Map ? written.get(perspective) : written;
  }

  /** Keeps `bytes` for the targets that follow, unless they are for one connection only. */
  keep(settings: WritingSettings, perspective: Perspective, dependence: Dependence, bytes: () => Uint8Array): void {
    if (this.isLast || dependence === "connection") return;
    const { config, dialect } = settings;
    this.#written ??= new Map();
    let byDialect = this.#written.get(config);
    if (byDialect === undefined) this.#written.set(config, (byDialect = new Map<Dialect, Written>()));
    const written = byDialect.get(dialect);
    if (dependence === "nothing") byDialect.set(dialect, bytes());
    else if (written instanceof Map) written.set(perspective, bytes());
    else byDialect.set(dialect, new Map([[perspective, bytes()]]));
  }
}
