// The logins of a client with a token and with a password.

import { classicLogin } from "./classic-login/classic-login-client.js";
import { weakLogin } from "./errors.js";
import { bearerLogin, scramLogin } from "./extended-login/extended-login-client.js";
import type { LoginCalls, LoginRequest, NameAndPassword } from "./login-calls.js";
import { iterationLimits } from "./login-options.js";

export async function tokenLogin(
  calls: LoginCalls,
  token: string,
  { mind, options: { allowUnencryptedToken = false } }: LoginRequest,
): Promise<unknown> {
  const { isEncrypted, certificate } = calls.connection.peer;
  if (!isEncrypted && !allowUnencryptedToken) {
    const where =
      certificate === undefined ? "over an unencrypted connection" : "to a server whose certificate was not verified";
    throw weakLogin(`A bearer token must not be sent ${where}`);
  }
  return bearerLogin(calls, token, mind);
}

/**
 * Uses the strongest login that both ends support, and none that is weaker than `minimum`. When the server offers SCRAM
 * and refuses the login, the classic login is not tried.
 */
export async function passwordLogin(
  calls: LoginCalls,
  credentials: NameAndPassword,
  { mind, options, signal }: LoginRequest,
): Promise<unknown> {
  const { minimum = "classic" } = options;
  const terms = { ...iterationLimits(options), isPlus: minimum === "scram-sha-256-plus" };
  const avatar = await scramLogin(calls, credentials, mind, terms, signal);
  if (avatar !== undefined) return avatar;
  if (minimum !== "classic") throw weakLogin(`The server or the connection does not support ${minimum}`);
  signal.throwIfAborted();
  return classicLogin(calls, credentials, mind, signal);
}
