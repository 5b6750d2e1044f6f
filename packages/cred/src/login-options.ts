// The options of `login`.

import type { CallOptions } from "@pb/broker";
import { withDefaults } from "@pb/broker/extension";
import type { OptionKinds } from "@pb/jelly-types";
import { LEAST_ITERATIONS } from "./scram/scram-keys.js";

/** The logins with a password, the weakest first. */
export type PasswordLogin = "classic" | "scram-sha-256" | "scram-sha-256-plus";

export interface LoginOptions extends Pick<CallOptions, "signal" | "timeoutMs"> {
  /**
   * The weakest login with a password that is acceptable. With the default, `classic`, the client uses the strongest
   * login that the server offers, and PB's own login where it offers no other. An attacker who can change the messages
   * can then make the server appear to offer no other. With `scram-sha-256`, the login fails instead.
   */
  readonly minimum?: PasswordLogin | undefined;
  /**
   * The smallest number of iterations that the client accepts from a server: with few, the password is easy to guess
   * from the proof. Default 4,096, the minimum of RFC 7677.
   */
  readonly leastIterations?: number | undefined;
  /**
   * The largest number of iterations that the client accepts, so that a server cannot keep it busy. Default 1,000,000:
   * more than the 600,000 that OWASP recommends (2023), which take 0.2 s. More than 600,000 take longer (1.4 s at
   * least), because only then can `timeoutMs` and `signal` stop the computation; fewer run to their end.
   */
  readonly mostIterations?: number | undefined;
  /**
   * Whether to send a bearer token over a connection that is not encrypted, or to a server whose certificate was not
   * verified: an attacker can then read and use it. Default false.
   */
  readonly allowUnencryptedToken?: boolean | undefined;
}

export const loginOptionKinds: OptionKinds<LoginOptions> = {
  signal: "signal",
  timeoutMs: "any",
  minimum: ["classic", "scram-sha-256", "scram-sha-256-plus"],
  leastIterations: "any",
  mostIterations: "any",
  allowUnencryptedToken: "boolean",
};

/** The default of `mostIterations`. */
const MOST_ITERATIONS = 1_000_000;

/** The accepted numbers of iterations. Throws `TypeError` for one that is not an integer of at least 0. */
export function iterationLimits({ leastIterations, mostIterations }: LoginOptions): {
  readonly leastIterations: number;
  readonly mostIterations: number;
} {
  const defaults = { leastIterations: LEAST_ITERATIONS, mostIterations: MOST_ITERATIONS };
  return withDefaults("option", defaults, { leastIterations, mostIterations });
}
