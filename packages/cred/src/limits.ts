// How much a peer may try, and over which links.

/** Longer names are nobody's: nothing is looked up or remembered under them. Longer than the longest mail address. */
export const LONGEST_NAME = 256;

export interface LoginLimits {
  /** Milliseconds that a challenge can be answered in. Default 30,000: programs answer at once. */
  readonly challengeMs: number;
  /** Logins that one connection may have under way. Default 16. */
  readonly underWay: number;
  /** Failed logins of one connection; then it cannot log in any more. Default 20. */
  readonly failuresPerConnection: number;
  /**
   * Milliseconds after which a failed login is answered, and that lie between two such answers on one connection. Default 250: nobody minds after a
   * typing error, and the work of checking hides behind it.
   */
  readonly failureMs: number;
  /**
   * Failed logins for one name from one address that can follow each other at once, on all connections together; of IPv6, from one network (/64).
   * Default 20.
   */
  readonly failuresPerName: number;
  /** Milliseconds after which one more is possible. Default 15,000: 5,760 guesses a day. */
  readonly failuresPerNameMs: number;
  /**
   * The same for one name from everywhere. Default 200: more than one address can use up, so that nobody can keep the owner of a name out from one
   * place.
   */
  readonly failuresPerNameEverywhere: number;
  /** Milliseconds after which one more is possible. Default 1,500: 57,600 guesses a day, too few for any password worth the name. */
  readonly failuresPerNameEverywhereMs: number;
  /** Names of which failures are remembered. Default 10,000: a few megabytes at worst. The one that failed longest ago is forgotten first. */
  readonly names: number;
}

export const defaultLoginLimits: LoginLimits = Object.freeze({
  challengeMs: 30_000,
  underWay: 16,
  failuresPerConnection: 20,
  failureMs: 250,
  failuresPerName: 20,
  failuresPerNameMs: 15_000,
  failuresPerNameEverywhere: 200,
  failuresPerNameEverywhereMs: 1_500,
  names: 10_000,
});

/** A way to log in. */
export type LoginMechanism = "classic" | "anonymous" | "scram-sha-256" | "scram-sha-256-plus" | "bearer";

/** Over which links a way to log in is offered. */
export type OfferedOver = "any" | "encrypted" | "none";

export interface LoginPolicy {
  /** PB's own login. Default `any`. `encrypted` keeps it from who can listen, `none` from everybody. */
  readonly classic: OfferedOver;
  /** Default `any`. */
  readonly anonymous: OfferedOver;
  /** SCRAM-SHA-256. Default `any`. */
  readonly scram: OfferedOver;
  /** Bearer tokens. Default `encrypted`: who hears one has it. */
  readonly bearer: OfferedOver;
}

export const defaultLoginPolicy: LoginPolicy = Object.freeze({
  classic: "any",
  anonymous: "any",
  scram: "any",
  bearer: "encrypted",
});
