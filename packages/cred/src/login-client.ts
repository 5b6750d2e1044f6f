// Logging in to a portal (wire specification 6; `twisted.spread.pb.PBClientFactory.login`).

import { RemoteError, RemoteReference } from "@pb/broker";
import type { Broker, Referenceable, RemoteMethods } from "@pb/broker";
import { Anonymous } from "./credentials.js";
import type { UsernamePassword } from "./credentials.js";
import { LoginDenied, LoginFailed, UnauthorizedLogin, UnhandledCredentials } from "./errors.js";

const utf8 = new TextEncoder();

/**
 * Logs in and resolves with the avatar. `mind` is an object of ours that the server may call back. One connection may log in several times.
 *
 * Rejects with {@link UnauthorizedLogin} when name or password is wrong, {@link LoginDenied}, {@link UnhandledCredentials} or another
 * {@link LoginFailed} when the server says so, else as a call does.
 */
export async function login<T = RemoteMethods>(
  connection: Broker,
  credentials: UsernamePassword | Anonymous,
  mind: Referenceable | null = null,
): Promise<RemoteReference<T>> {
  const root = await connection.getRootObject<RemoteMethods>();
  let avatar: unknown;
  try {
    avatar = await (credentials instanceof Anonymous
      ? root.callRemote("loginAnonymous", mind)
      : answer(root, credentials, mind));
  } catch (error) {
    throw asLoginFailure(error);
  }
  if (!(avatar instanceof RemoteReference))
    throw new LoginFailed("The server answered the login with something that is no avatar");
  return avatar as RemoteReference<T>;
}

async function answer(
  root: RemoteReference,
  credentials: UsernamePassword,
  mind: Referenceable | null,
): Promise<unknown> {
  const { username } = credentials;
  const answer = await root.callRemote("login", typeof username === "string" ? utf8.encode(username) : username);
  const [challenge, challenger] = Array.isArray(answer) ? (answer as unknown[]) : [];
  if (!(challenge instanceof Uint8Array) || !(challenger instanceof RemoteReference)) {
    throw new LoginFailed("The server answered the login with something that is no challenge");
  }
  using held = challenger as RemoteReference;
  return await held.callRemote("respond", credentials.respond(challenge), mind);
}

/** What the server calls it, as a class of ours. */
function asLoginFailure(error: unknown): unknown {
  if (!(error instanceof RemoteError)) return error;
  const type = [UnauthorizedLogin, LoginDenied, UnhandledCredentials, LoginFailed].find(({ remoteType }) =>
    error.is(remoteType),
  );
  return type === undefined ? error : new type(error.message, { cause: error });
}
