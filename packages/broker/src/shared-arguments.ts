// Arguments of a call that goes to many, as bytes.

import type { Dialect } from "@pb/banana";
import type { Perspective } from "./callable.js";
import type { Outgoing } from "./channel.js";
import type { BrokerConfig } from "./options.js";

/** What bytes depend on besides the values: connections that agree in it may share them. */
export interface Settings {
  readonly config: BrokerConfig;
  readonly dialect: Dialect;
}

/** Bytes that are the same for everybody, or for each perspective. */
type Written = Uint8Array | Map<Perspective, Uint8Array>;

/**
 * Remembers what the arguments of one call look like on the wire, so that they are written once for all connections to which they look the same
 * (bench `updates-100`).
 */
export class SharedArguments {
  readonly #written = new Map<BrokerConfig, Map<Dialect, Written>>();

  find({ config, dialect }: Settings, perspective: Perspective): Uint8Array | undefined {
    const written = this.#written.get(config)?.get(dialect);
    return written instanceof Map ? written.get(perspective) : written;
  }

  /** Remembers `bytes`, unless `out` says that they are for one connection only. */
  keep({ config, dialect }: Settings, out: Outgoing, bytes: () => Uint8Array): void {
    const { dependsOn } = out;
    if (dependsOn === "connection") return;
    let byDialect = this.#written.get(config);
    if (byDialect === undefined) this.#written.set(config, (byDialect = new Map<Dialect, Written>()));
    const written = byDialect.get(dialect);
    if (dependsOn === "nothing") byDialect.set(dialect, bytes());
    else if (written instanceof Map) written.set(out.perspective, bytes());
    else byDialect.set(dialect, new Map([[out.perspective, bytes()]]));
  }
}
