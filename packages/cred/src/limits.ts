// The limits of a portal on login attempts, and its policy: which logins it offers over which connections.

/**
 * The longest user name, in UTF-16 code units: longer than the longest mail address. A longer name is treated as an
 * unknown user, and is neither looked up nor remembered.
 */
export const LONGEST_NAME = 256;

/** How many logins a client can attempt, and how fast. */
export interface LoginLimits {
  /**
   * Milliseconds within which a challenge must be answered. Default 30,000: programs answer at once. A login whose
   * challenge the client does not answer counts as failed.
   */
  readonly challengeMs: number;
  /**
   * Milliseconds from the first message of a SCRAM login to its answer. Default 5: more than a lookup in memory takes.
   * A lookup that takes less than this does not change the time of the answer, so the time does not reveal whether the
   * user exists.
   */
  readonly lookupMs: number;
  /**
   * Logins in progress on one connection. Default 16. Further ones wait, 64 times as many at most, so that a gateway
   * can log in all its users over one connection at the same time.
   */
  readonly underWay: number;
  /** Failed logins on one connection. Then every further login on it is refused. Default 20. */
  readonly failuresPerConnection: number;
  /**
   * Milliseconds from the start of a failed login to its answer, and between two such answers on one connection.
   * Default 250: acceptable after a typing error. A check that takes less than this does not change the time of the
   * answer, so the time reveals nothing about the check.
   */
  readonly failureMs: number;
  /**
   * Failed logins from one address that are allowed in a burst, for all names and on all connections together. IPv6
   * addresses count by network: a /64 as one address, a /56 as four, a /48 as sixteen. Default 100: enough for the
   * typing errors of an office behind one address. Users who have logged in from this address before do not share this
   * budget: they have one that is ten times as large.
   */
  readonly failuresPerAddress: number;
  /** Milliseconds until one more of those is allowed. Default 15,000: 5,760 guesses a day. */
  readonly failuresPerAddressMs: number;
  /**
   * Failed logins for one name from one address that are allowed in a burst. An IPv6 /64 counts as one address, a /56
   * as two, a /48 as four. Default 20.
   */
  readonly failuresPerName: number;
  /** Milliseconds until one more of those is allowed. Default 15,000: 5,760 guesses a day. */
  readonly failuresPerNameMs: number;
  /**
   * Failed logins for one name from all addresses together that are allowed in a burst, except from addresses from
   * which its owner has logged in before. Default 200: more than one address can use up, so that one address cannot
   * lock out the owner of the name.
   */
  readonly failuresPerNameEverywhere: number;
  /**
   * Milliseconds until one more of those is allowed. Default 1,500: 57,600 guesses a day, too few to guess a good
   * password.
   */
  readonly failuresPerNameEverywhereMs: number;
  /**
   * Names, addresses, and pairs of both, for which failures are remembered one by one. Default 10,000 of each: at most
   * a few megabytes. Only those whose failures no longer count are forgotten. When all count, further ones share as
   * many budgets. Also the number of users whose addresses are remembered after a login.
   */
  readonly names: number;
}

export const defaultLoginLimits: LoginLimits = Object.freeze({
  challengeMs: 30_000,
  lookupMs: 5,
  underWay: 16,
  failuresPerConnection: 20,
  failureMs: 250,
  failuresPerAddress: 100,
  failuresPerAddressMs: 15_000,
  failuresPerName: 20,
  failuresPerNameMs: 15_000,
  failuresPerNameEverywhere: 200,
  failuresPerNameEverywhereMs: 1_500,
  names: 10_000,
});

/** The mechanism of one login. */
export type LoginMechanism = "classic" | "anonymous" | "scram-sha-256" | "scram-sha-256-plus" | "bearer";

/** The connections over which a login is offered. */
export type OfferedOver = "any" | "encrypted" | "none";

const OFFERED_OVER: readonly OfferedOver[] = ["any", "encrypted", "none"];

/** Over which connections each login is offered. */
export interface LoginPolicy {
  /**
   * PB's own login. Default `any`. Use `encrypted` so that an eavesdropper cannot guess passwords from it, and `none`
   * to switch it off.
   */
  readonly classic: OfferedOver;
  /** Default `any`. */
  readonly anonymous: OfferedOver;
  /** SCRAM-SHA-256. Default `any`. */
  readonly scram: OfferedOver;
  /** Bearer tokens. Default `encrypted`, because an eavesdropper can use a token. */
  readonly bearer: OfferedOver;
}

export const defaultLoginPolicy: LoginPolicy = Object.freeze({
  classic: "any",
  anonymous: "any",
  scram: "any",
  bearer: "encrypted",
});

/** The words that a policy accepts. */
export const loginPolicies: { readonly [Name in keyof LoginPolicy]: readonly OfferedOver[] } = {
  classic: OFFERED_OVER,
  anonymous: OFFERED_OVER,
  scram: OFFERED_OVER,
  bearer: OFFERED_OVER,
};
