// Logs in to the portal of a server with the strongest login that both ends support (wire specification 6;
// `twisted.spread.pb.PBClientFactory.login`).

import { dispose, requireOwnCopy } from "@pb/banana";
import { CallTimeoutError, RemoteError, RemoteReference } from "@pb/broker";
import type { Broker, CallOptions, Referenceable, RemoteMethods } from "@pb/broker";
import { withDeadline, withDefaults } from "@pb/broker/extension";
import { checkOptions } from "@pb/jelly-types";
import type { OptionKinds } from "@pb/jelly-types";
import { anonymousLogin, classicLogin } from "./classic-login/classic-login-client.js";
import { Anonymous, BearerToken } from "./credentials/credentials.js";
import type { UsernamePassword } from "./credentials/credentials.js";
import {
  LoginDenied,
  LoginFailed,
  malformedLogin,
  NotImplementedError,
  UnauthorizedLogin,
  UnhandledCredentials,
  weakLogin,
} from "./errors.js";
import { bearerLogin, scramLogin } from "./extended-login/extended-login-client.js";
import { LoginCalls } from "./login-calls.js";
import { LEAST_ITERATIONS } from "./scram/scram-keys.js";

/** The logins with a password, the weakest first. */
export type PasswordLogin = "classic" | "scram-sha-256" | "scram-sha-256-plus";

export interface LoginOptions extends CallOptions {
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

const optionKinds: OptionKinds<LoginOptions> = {
  signal: "signal",
  timeoutMs: "any",
  minimum: ["classic", "scram-sha-256", "scram-sha-256-plus"],
  leastIterations: "any",
  mostIterations: "any",
  allowUnencryptedToken: "boolean",
};

/**
 * Logs in and resolves with a reference to the avatar. `mind` is an object that the server may call. A connection can
 * have several logins. A login lasts until the reference to the avatar is released (`avatar[Symbol.dispose]()`) or the
 * connection ends. Other calls over the connection wait until its first login has ended, because a server may allow
 * only little before (`Broker.duringLogin`).
 *
 * Rejects with {@link UnauthorizedLogin} when the name or the password is wrong, and with {@link LoginDenied}, {@link
 * UnhandledCredentials}, {@link NotImplementedError} or another {@link LoginFailed} when the server refuses the login
 * or it would be weaker than required. Otherwise rejects as a call does: with `CallTimeoutError`, the reason of the
 * signal, or `ConnectionLostError`. An avatar that arrives after the timeout or the signal is released. Rejects with
 * `TypeError` for an unknown option or a bad value.
 */
export async function login<T = RemoteMethods>(
  connection: Broker,
  credentials: UsernamePassword | BearerToken | Anonymous,
  mind: Referenceable | null = null,
  options: LoginOptions = {},
): Promise<RemoteReference<T>> {
  checkOptions(options, optionKinds);
  iterationLimits(options);
  try {
    const avatar = await connection.duringLogin((pass) =>
      withDeadline(
        options,
        (timeoutMs) => new CallTimeoutError(`The login took longer than ${timeoutMs} ms`),
        (signal) => requestAvatar(new LoginCalls(connection, pass), credentials, mind, options, signal),
        (late) => late[dispose](),
      ),
    );
    return avatar as unknown as RemoteReference<T>;
  } catch (error) {
    throw toLoginError(error);
  }
}

async function requestAvatar(
  calls: LoginCalls,
  credentials: UsernamePassword | BearerToken | Anonymous,
  mind: Referenceable | null,
  options: LoginOptions,
  signal: AbortSignal,
): Promise<RemoteReference> {
  let avatar: unknown;
  requireOwnCopy(credentials, Anonymous);
  if (credentials instanceof Anonymous) avatar = await anonymousLogin(calls, mind);
  else if (credentials instanceof BearerToken) avatar = await tokenLogin(calls, credentials, mind, options);
  else avatar = await passwordLogin(calls, credentials, mind, options, signal);
  if (avatar instanceof RemoteReference) return avatar as RemoteReference;
  throw malformedLogin("The server did not answer the login with a reference to an avatar");
}

async function tokenLogin(
  calls: LoginCalls,
  token: BearerToken,
  mind: Referenceable | null,
  { allowUnencryptedToken = false }: LoginOptions,
): Promise<unknown> {
  const { isEncrypted, certificate } = calls.connection.peer;
  if (!isEncrypted && !allowUnencryptedToken) {
    const where =
      certificate === undefined ? "over an unencrypted connection" : "to a server whose certificate was not verified";
    throw weakLogin(`A bearer token must not be sent ${where}`);
  }
  return bearerLogin(calls, token, mind);
}

/** The default of `mostIterations`. */
const MOST_ITERATIONS = 1_000_000;

/**
 * Uses the strongest login that both ends support, and none that is weaker than `minimum`. When the server offers SCRAM
 * and refuses the login, the classic login is not tried.
 */
async function passwordLogin(
  calls: LoginCalls,
  credentials: UsernamePassword,
  mind: Referenceable | null,
  options: LoginOptions,
  signal: AbortSignal,
): Promise<unknown> {
  const { minimum = "classic" } = options;
  const terms = { ...iterationLimits(options), isPlus: minimum === "scram-sha-256-plus" };
  const avatar = await scramLogin(calls, credentials, mind, terms, signal);
  if (avatar !== undefined) return avatar;
  if (minimum !== "classic") throw weakLogin(`The server or the connection does not support ${minimum}`);
  signal.throwIfAborted();
  return classicLogin(calls, credentials, mind, signal);
}

/** The accepted numbers of iterations. Throws `TypeError` for one that is not an integer of at least 0. */
function iterationLimits({ leastIterations, mostIterations }: LoginOptions): {
  readonly leastIterations: number;
  readonly mostIterations: number;
} {
  const defaults = { leastIterations: LEAST_ITERATIONS, mostIterations: MOST_ITERATIONS };
  return withDefaults("option", defaults, { leastIterations, mostIterations });
}

const errorClasses = [UnauthorizedLogin, LoginDenied, UnhandledCredentials, LoginFailed, NotImplementedError];

/**
 * Converts an error of the server to the class of this package that has the same name on the wire. Other errors are
 * returned unchanged.
 */
function toLoginError(error: unknown): unknown {
  if (!(error instanceof RemoteError)) return error;
  const type = errorClasses.find(({ remoteType }) => error.is(remoteType));
  if (type === undefined) return error;
  const message =
    error.message === "" && type === UnauthorizedLogin ? "The name or the password is wrong" : error.message;
  return new type(message, { cause: error });
}
