// The options of `Unjellier` and `unjelly`.

import type { Expression, HeapAllowance } from "@pb/banana";
import type { Exactness } from "../handler.js";
import type { OptionKinds } from "../options.js";
import { SecurityPolicy } from "../policy.js";
import { TypeRegistry } from "../registry.js";

export interface UnjellierOptions extends Partial<Exactness> {
  /** The types of the application. They take precedence over the standard types. */
  readonly registry?: TypeRegistry | undefined;
  /** Default: {@link SecurityPolicy.standard}. */
  readonly policy?: SecurityPolicy | undefined;
  /** The largest number of values inside values. Default 500. */
  readonly depth?: number | undefined;
  /**
   * What to do with an instance of a class that is neither registered nor allowed by the policy. `refuse`: throw an
   * `InsecureJellyError`. `keep`: read it as an `UnknownCopy`. Default `refuse`.
   */
  readonly unknownCopies?: "refuse" | "keep" | undefined;
  /**
   * Called when entries of a received state were dropped, because the class has methods or accessors of these names.
   * `type` is the name of the class on the wire.
   */
  readonly onDropped?: ((type: string, names: readonly string[]) => void) | undefined;
  /** Called with the reason of each `Unpersistable`: an object that the peer could not send. */
  readonly onUnpersistable?: ((reason: string) => void) | undefined;
  /**
   * The memory that graphs may take, in bytes of V8's heap. Each graph reduces it. Default: 256 MiB for each graph, the
   * default of `BananaLimits.heapBytes`.
   */
  readonly heap?: HeapAllowance | undefined;
  /** Returns the object for `(persistent id)`. Default: an `Unpersistable`. */
  readonly persistentLoad?: ((id: Expression) => unknown) | undefined;
}

export const optionKinds: OptionKinds<UnjellierOptions> = {
  integers: "any",
  floats: "any",
  dicts: "any",
  registry: TypeRegistry,
  policy: SecurityPolicy,
  depth: "any",
  unknownCopies: ["refuse", "keep"],
  onDropped: "function",
  onUnpersistable: "function",
  heap: "object",
  persistentLoad: "function",
};
