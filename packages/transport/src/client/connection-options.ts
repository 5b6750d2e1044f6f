// The options that `connect` and `reconnecting` of every transport have.

import type { BrokerOptions } from "@pb/broker";
import { BrokerConfig } from "@pb/broker/extension";
import type { OptionKinds } from "@pb/jelly-types";
import { defaultLiveness } from "../liveness.js";
import type { LivenessOptions } from "../liveness.js";

export interface ConnectionOptions {
  /**
   * What this end offers and accepts. The time for the negotiation is `broker.limits.negotiationMs`, 30 seconds by
   * default. Without an `onEvent`, errors of the program become warnings: of the process in Node, in the console
   * elsewhere.
   */
  readonly broker?: BrokerOptions | BrokerConfig | undefined;
  /** Cancels the attempt to connect. Has no effect on a connection that is ready. */
  readonly signal?: AbortSignal | undefined;
  /** How the connection is checked once it is ready. False: it is not checked. */
  readonly liveness?: LivenessOptions | false | undefined;
}

export const connectionOptionKinds: OptionKinds<ConnectionOptions> = {
  broker: "object",
  signal: "signal",
  liveness: "any",
};

/** Where the options of a connection belong that are not options of a transport, for the error about such a name. */
export const nestedOptions: Readonly<Record<string, readonly string[]>> = {
  broker: BrokerConfig.optionNames,
  liveness: Object.keys(defaultLiveness),
};
