// The client's half of the extended logins: SCRAM-SHA-256 and bearer tokens.

import { dispose } from "@pb/banana";
import { RemoteError } from "@pb/broker";
import type { Broker, Referenceable, RemoteReference } from "@pb/broker";
import { bytesOf, textOf, timingSafeEqual } from "../bytes.js";
import { ChannelBindingUnavailable, LoginFailed, malformedLogin, UnhandledCredentials, weakLogin } from "../errors.js";
import { readStep } from "../login-answer.js";
import type { LoginCalls, NameAndPassword } from "../login-calls.js";
import { clientKey, saltPassword, serverKey, sign, storedKey, xor } from "../scram/scram-keys.js";
import {
  authMessage,
  bindingTypes,
  channelOf,
  finalWithoutProof,
  newNonce,
  readServerFinal,
  readServerFirst,
  writeClientFinal,
  writeClientFirst,
} from "../scram/scram-messages.js";
import type { BindingFlag, ClientFirst, ServerFirst } from "../scram/scram-messages.js";
import { EXTENDED_LOGIN } from "./extended-login.js";

/** What the client requires of a SCRAM login. */
export interface ScramTerms {
  readonly leastIterations: number;
  readonly mostIterations: number;
  /** Whether the login must be bound to the TLS connection. */
  readonly isPlus: boolean;
}

/** A channel binding that the client can offer. `data` is undefined when the login is not bound to the connection. */
interface ChannelBinding {
  readonly flag: BindingFlag;
  readonly data: Uint8Array | undefined;
}

/** The first messages of both sides. */
interface FirstMessages {
  readonly clientFirst: ClientFirst;
  readonly binding: ChannelBinding;
  readonly serverFirst: ServerFirst & { readonly text: string };
}

/**
 * Logs in with SCRAM-SHA-256, bound to the TLS connection when both ends support it. Resolves with undefined when the
 * server does not offer such a login to this user. The server has then learned the user name only.
 */
export async function scramLogin(
  calls: LoginCalls,
  credentials: NameAndPassword,
  mind: Referenceable | null,
  terms: ScramTerms,
  signal: AbortSignal,
): Promise<unknown> {
  const username = textOf(credentials.username);
  if (username === undefined) return undefined; // a user name of SCRAM is text
  const extended = await calls.connection.getObject(EXTENDED_LOGIN);
  for (const binding of channelBindings(calls.connection, terms.isPlus)) {
    signal.throwIfAborted();
    const clientFirst = writeClientFirst(binding.flag, username, newNonce());
    let answer: unknown;
    try {
      answer = await calls.call(extended, "scram", bytesOf(clientFirst.header + clientFirst.bare));
    } catch (error) {
      if (error instanceof RemoteError && error.is(ChannelBindingUnavailable.remoteType)) continue;
      if (isNotOffered(error)) return undefined;
      throw error;
    }
    const [message, exchange] = readStep(answer);
    try {
      const messages = { clientFirst, binding, serverFirst: readServerFirst(message) };
      return await finish(calls, exchange, messages, credentials, mind, terms, signal);
    } finally {
      exchange[dispose]();
    }
  }
  return undefined;
}

/** Sends the proof, verifies the signature of the server, and then sends the mind. */
async function finish(
  calls: LoginCalls,
  exchange: RemoteReference,
  { clientFirst, binding, serverFirst }: FirstMessages,
  { password }: NameAndPassword,
  mind: Referenceable | null,
  { leastIterations, mostIterations }: ScramTerms,
  signal: AbortSignal,
): Promise<unknown> {
  const { nonce, salt, iterations } = serverFirst;
  if (!nonce.startsWith(clientFirst.nonce) || nonce === clientFirst.nonce)
    throw malformedLogin("The nonce of the server does not belong to this login");
  if (iterations < leastIterations)
    throw weakLogin(`The server asks for ${iterations} iterations: too few to protect the password from guessing`);
  if (iterations > mostIterations) throw malformedLogin(`The server asks for ${iterations} iterations: too many`);
  const salted = await whileConnected(calls.connection, signal, (ended) =>
    saltPassword(password, salt, iterations, ended),
  );
  signal.throwIfAborted();
  const withoutProof = finalWithoutProof(channelOf(clientFirst, binding.data), nonce);
  const signed = authMessage(clientFirst.bare, serverFirst.text, withoutProof);
  const key = clientKey(salted);
  const proof = xor(key, sign(storedKey(key), signed));
  const answer = await calls.call(exchange, "finish", bytesOf(writeClientFinal(withoutProof, proof)));
  const [message, proven] = readStep(answer);
  try {
    if (!timingSafeEqual(sign(serverKey(salted), signed), readServerFinal(message))) {
      throw new LoginFailed("The server did not prove that it knows the password: it may be an impostor", {
        code: "LOGIN_SERVER_NOT_PROVEN",
      });
    }
    signal.throwIfAborted();
    return await calls.call(proven, "enter", mind);
  } finally {
    proven[dispose]();
  }
}

/**
 * Passes `compute` a signal that aborts when `signal` does, and also with the end of the connection: a server could
 * otherwise disconnect after each question, and have the client compute the answers to all of them at the same time.
 */
async function whileConnected<T>(
  connection: Broker,
  signal: AbortSignal,
  compute: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const either = new AbortController();
  const abort = (): void => either.abort(signal.reason);
  signal.addEventListener("abort", abort);
  const subscription = connection.notifyOnDisconnect((reason) => either.abort(reason));
  try {
    return await compute(either.signal);
  } finally {
    subscription[dispose]();
    signal.removeEventListener("abort", abort);
  }
}

/** Logs in with a bearer token. */
export async function bearerLogin(calls: LoginCalls, token: string, mind: Referenceable | null): Promise<unknown> {
  const extended = await calls.connection.getObject(EXTENDED_LOGIN);
  try {
    return await calls.call(extended, "bearer", bytesOf(token), mind);
  } catch (error) {
    if (isNotOffered(error)) {
      throw new UnhandledCredentials("The server does not accept bearer tokens", { cause: error });
    }
    throw error;
  }
}

/**
 * The channel bindings to try, the strongest first. The flag `y` tells the server that the client could have bound the
 * login: a server that supports channel binding refuses it, because an attacker must have hidden that support from the
 * client.
 */
function channelBindings({ peer }: Broker, isPlus: boolean): ChannelBinding[] {
  const bound = bindingTypes.flatMap((type): ChannelBinding[] => {
    const data = peer.channelBinding?.(type);
    return data === undefined ? [] : [{ flag: `p=${type}`, data }];
  });
  if (isPlus) return bound;
  return [...bound, { flag: bound.length > 0 ? "y" : "n", data: undefined }];
}

/**
 * Whether an error means that the server does not offer this login: a stock Twisted server has no such object, and a
 * server of this package may have no checker for it, or lack the method in another version.
 */
function isNotOffered(error: unknown): boolean {
  if (!(error instanceof RemoteError)) return false;
  if (error.is(UnhandledCredentials.remoteType) || error.is("twisted.spread.flavors.NoSuchMethod")) return true;
  return error.is("twisted.spread.pb.Error") && error.message === "Invalid Object ID";
}
