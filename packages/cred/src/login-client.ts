// Logging in to a portal (wire specification 6; `twisted.spread.pb.PBClientFactory.login`).

import { RemoteError, RemoteReference } from "@pb/broker";
import type { Broker, CallOptions, Referenceable, RemoteMethods } from "@pb/broker";
import { bytesOf } from "./bytes.js";
import { Anonymous, BearerToken } from "./credentials.js";
import type { UsernamePassword } from "./credentials.js";
import { LoginDenied, LoginFailed, NotImplementedError, UnauthorizedLogin, UnhandledCredentials } from "./errors.js";
import { waitFor } from "./patience.js";
import { bearerLogin, scramLogin } from "./safe-login-client.js";
import { LEAST_ITERATIONS } from "./scram.js";

/** Ways to log in with a password, the weakest first. */
export type PasswordLogin = "classic" | "scram-sha-256" | "scram-sha-256-plus";

export interface LoginOptions extends CallOptions {
  /**
   * The weakest login with a password that will do. Default `classic`: the best that the server offers, and PB's own login where it offers nothing
   * better. Somebody who can change what is sent can make a server seem to offer nothing better; with `scram-sha-256` that is of no use.
   */
  readonly minimum?: PasswordLogin | undefined;
  /** Fewer iterations than this are refused: they make a proof easy to guess the password from. Default 4,096, as RFC 7677 wants. */
  readonly leastIterations?: number | undefined;
  /** More iterations than this are refused: a server could keep us busy. Default 10,000,000: a few seconds. */
  readonly mostIterations?: number | undefined;
  /** Shows a bearer token also over a link that is not encrypted. Default false: who hears it has it. */
  readonly allowUnencryptedToken?: boolean | undefined;
}

/**
 * Logs in and resolves with the avatar. `mind` is an object of ours that the server may call back. One connection may log in several times. The
 * login lasts until the avatar is given back (`avatar[Symbol.dispose]()`) or the connection ends.
 *
 * Rejects with {@link UnauthorizedLogin} when name or password is wrong, {@link LoginDenied}, {@link UnhandledCredentials} or another
 * {@link LoginFailed} when the server says so or the login would be weaker than wanted, else as a call does.
 */
export async function login<T = RemoteMethods>(
  connection: Broker,
  credentials: UsernamePassword | BearerToken | Anonymous,
  mind: Referenceable | null = null,
  options: LoginOptions = {},
): Promise<RemoteReference<T>> {
  const work = (signal: AbortSignal) => perform(connection, credentials, mind, options, signal);
  try {
    const avatar = await waitFor("The login", options, work, (late) => late[Symbol.dispose]());
    return avatar as unknown as RemoteReference<T>;
  } catch (error) {
    throw asLoginFailure(error);
  }
}

async function perform(
  connection: Broker,
  credentials: UsernamePassword | BearerToken | Anonymous,
  mind: Referenceable | null,
  options: LoginOptions,
  signal: AbortSignal,
): Promise<RemoteReference> {
  let avatar: unknown;
  if (credentials instanceof Anonymous) avatar = await anonymousLogin(connection, mind);
  else if (credentials instanceof BearerToken) avatar = await tokenLogin(connection, credentials, mind, options);
  else avatar = await passwordLogin(connection, credentials, mind, options, signal);
  if (avatar instanceof RemoteReference) return avatar as RemoteReference;
  throw malformed("The server answered the login with something that is no avatar");
}

async function anonymousLogin(connection: Broker, mind: Referenceable | null): Promise<unknown> {
  const root = await connection.getRootObject();
  return root.callRemote("loginAnonymous", mind);
}

async function tokenLogin(
  connection: Broker,
  token: BearerToken,
  mind: Referenceable | null,
  { allowUnencryptedToken = false }: LoginOptions,
): Promise<unknown> {
  if (!connection.peer.isEncrypted && !allowUnencryptedToken) {
    throw tooWeak("A bearer token is not shown over a link that is not encrypted");
  }
  return bearerLogin(connection, token, mind);
}

/** The best login that both sides have, and no weaker one than wanted. A server that refuses the better one is not asked for the weaker one. */
async function passwordLogin(
  connection: Broker,
  credentials: UsernamePassword,
  mind: Referenceable | null,
  { minimum = "classic", leastIterations = LEAST_ITERATIONS, mostIterations = 10_000_000 }: LoginOptions,
  signal: AbortSignal,
): Promise<unknown> {
  const terms = { leastIterations, mostIterations, isPlus: minimum === "scram-sha-256-plus" };
  const avatar = await scramLogin(connection, credentials, mind, terms, signal);
  if (avatar !== undefined) return avatar;
  if (minimum !== "classic") throw tooWeak(`The server, or the link, has no login as good as ${minimum}`);
  signal.throwIfAborted();
  return classicLogin(connection, credentials, mind, signal);
}

async function classicLogin(
  connection: Broker,
  credentials: UsernamePassword,
  mind: Referenceable | null,
  signal: AbortSignal,
): Promise<unknown> {
  const root = await connection.getRootObject();
  const answer = await root.callRemote("login", bytesOf(credentials.username));
  const [challenge, challenger] = Array.isArray(answer) ? (answer as unknown[]) : [];
  if (!(challenge instanceof Uint8Array) || !(challenger instanceof RemoteReference)) {
    throw malformed("The server answered the login with something that is no challenge");
  }
  using held = challenger as RemoteReference;
  signal.throwIfAborted();
  return await held.callRemote("respond", credentials.respond(challenge), mind);
}

const failures = [UnauthorizedLogin, LoginDenied, UnhandledCredentials, LoginFailed, NotImplementedError];

/** What the server calls it, as a class of ours. */
function asLoginFailure(error: unknown): unknown {
  if (!(error instanceof RemoteError)) return error;
  const type = failures.find(({ remoteType }) => error.is(remoteType));
  if (type === undefined) return error;
  const message =
    error.message === "" && type === UnauthorizedLogin ? "The name or the password is wrong" : error.message;
  return new type(message, { cause: error });
}

function malformed(message: string): LoginFailed {
  return new LoginFailed(message, { code: "LOGIN_MALFORMED" });
}

function tooWeak(message: string): LoginFailed {
  return new LoginFailed(message, { code: "LOGIN_TOO_WEAK" });
}
