// Arguments of a call that goes to many, as bytes.

import type { Dialect } from "@pb/banana";
import type { Perspective } from "../calls/callable.js";

/** What bytes depend on besides the values: connections that agree in it may share them. */
export interface Settings {
  /** The options of the connection, by identity. */
  readonly config: object;
  readonly dialect: Dialect;
}

/** What was looked at while a graph was written: where that is the same, the bytes would be the same. */
export type Dependence = "nothing" | "perspective" | "connection";

/** Bytes that are the same for everybody, or for each perspective. */
type Written = Uint8Array | Map<Perspective, Uint8Array>;

/**
 * Remembers what the arguments of one call look like on the wire, so that they are written once for all connections to which they look the same
 * (bench `updates-100`).
 */
export class SharedArguments {
  readonly #written = new Map<object, Map<Dialect, Written>>();

  find({ config, dialect }: Settings, perspective: Perspective): Uint8Array | undefined {
    const written = this.#written.get(config)?.get(dialect);
    return written instanceof Map ? written.get(perspective) : written;
  }

  /** Remembers `bytes`, unless they are for one connection only. */
  keep(settings: Settings, perspective: Perspective, dependence: Dependence, bytes: () => Uint8Array): void {
    if (dependence === "connection") return;
    const { config, dialect } = settings;
    let byDialect = this.#written.get(config);
    if (byDialect === undefined) this.#written.set(config, (byDialect = new Map<Dialect, Written>()));
    const written = byDialect.get(dialect);
    if (dependence === "nothing") byDialect.set(dialect, bytes());
    else if (written instanceof Map) written.set(perspective, bytes());
    else byDialect.set(dialect, new Map([[perspective, bytes()]]));
  }
}
