// The methods of a live object, as long as this node is home.

import { Referenceable } from "@pb/broker";
import type { IncomingCall } from "@pb/broker/extension";
import { NoHomeError } from "../errors.js";

/** Refuses calls before they run when this node is not home anymore. */
export class HomeGate extends Referenceable {
  readonly epoch: number;
  readonly #signal: AbortSignal;
  readonly methods: Referenceable;
  readonly #log: { readonly revision: number };

  constructor(
    home: { readonly epoch: number; readonly signal: AbortSignal },
    methods: Referenceable | undefined,
    log: { readonly revision: number },
  ) {
    super();
    if (methods !== undefined && !(methods instanceof Referenceable))
      throw new TypeError("The methods of a live object must be a Referenceable");
    this.epoch = home.epoch;
    this.#signal = home.signal;
    this.methods = methods ?? new NoMethods();
    this.#log = log;
  }

  /** The revision of the state that was written last. */
  get revision(): number {
    return this.#log.revision;
  }

  override receiveCall(call: IncomingCall): unknown {
    if (this.#signal.aborted) throw new NoHomeError("This node is not home anymore");
    return this.methods.receiveCall(call);
  }
}

class NoMethods extends Referenceable {}
