// Logs in to the portal of a server (wire specification 6; `twisted.spread.pb.PBClientFactory.login`). How is up to the
// credentials, so that a program has the code of the logins that it uses only.

import { dispose, requireOwnCopy } from "@pb/banana";
import { CallTimeoutError, RemoteError, RemoteReference } from "@pb/broker";
import type { Broker, Referenceable, RemoteMethods } from "@pb/broker";
import { withDeadline } from "@pb/broker/extension";
import { checkOptions } from "@pb/jelly-types";
import { Anonymous } from "./credentials/credentials.js";
import type { BearerToken, UsernamePassword } from "./credentials/credentials.js";
import {
  LoginDenied,
  LoginFailed,
  malformedLogin,
  NotImplementedError,
  UnauthorizedLogin,
  UnhandledCredentials,
} from "./errors.js";
import { LoginCalls, requestAvatar } from "./login-calls.js";
import type { LoginCredentials, LoginRequest } from "./login-calls.js";
import { iterationLimits, loginOptionKinds } from "./login-options.js";
import type { LoginOptions } from "./login-options.js";

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
  checkOptions(options, loginOptionKinds);
  iterationLimits(options);
  checkCredentials(credentials);
  try {
    const avatar = await connection.duringLogin((pass) =>
      withDeadline(
        options,
        (timeoutMs) => new CallTimeoutError(`The login took longer than ${timeoutMs} ms`),
        (signal) => enter(credentials, new LoginCalls(connection, pass), { mind, options, signal }),
        (late) => late[dispose](),
      ),
    );
    return avatar as unknown as RemoteReference<T>;
  } catch (error) {
    throw toLoginError(error);
  }
}

async function enter(
  credentials: LoginCredentials,
  calls: LoginCalls,
  request: LoginRequest,
): Promise<RemoteReference> {
  const avatar = await credentials[requestAvatar](calls, request);
  if (avatar instanceof RemoteReference) return avatar as RemoteReference;
  throw malformedLogin("The server did not answer the login with a reference to an avatar");
}

function checkCredentials(credentials: unknown): void {
  requireOwnCopy(credentials, Anonymous);
  if (typeof (credentials as Partial<LoginCredentials> | null | undefined)?.[requestAvatar] === "function") return;
  throw new TypeError("The credentials must be a UsernamePassword, a BearerToken or Anonymous");
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
