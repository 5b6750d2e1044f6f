// Logging in with SCRAM-SHA-256 or a bearer token, to a server that has them.

import { RemoteError, RemoteReference } from "@pb/broker";
import type { Broker, Referenceable } from "@pb/broker";
import type { ChannelBindingType } from "@pb/broker/extension";
import { bytesOf, isSame, textOf } from "./bytes.js";
import type { BearerToken, UsernamePassword } from "./credentials.js";
import { ChannelBindingUnavailable, LoginFailed, UnhandledCredentials } from "./errors.js";
import { SAFE_LOGIN } from "./safe-login.js";
import { clientKey, mask, saltPassword, serverKey, sign, storedKey } from "./scram.js";
import {
  authMessage,
  channelOf,
  finalWithoutProof,
  newNonce,
  readServerFinal,
  readServerFirst,
  writeClientFinal,
  writeClientFirst,
} from "./scram-messages.js";
import type { Binding, ClientFirst, ServerFirst } from "./scram-messages.js";

/** What a login over SCRAM is to be like. */
export interface ScramTerms {
  readonly leastIterations: number;
  readonly mostIterations: number;
  /** Only bound to the channel. */
  readonly isPlus: boolean;
}

/** A way of saying who we are on the channel there is. */
interface ChannelClaim {
  readonly binding: Binding;
  readonly data: Uint8Array | undefined;
}

/**
 * Logs in with SCRAM-SHA-256, bound to the channel where both ends can. Resolves with undefined, having told no more than the name, when the
 * server has no such login for us.
 */
export async function scramLogin(
  connection: Broker,
  credentials: UsernamePassword,
  mind: Referenceable | null,
  terms: ScramTerms,
  signal: AbortSignal,
): Promise<unknown> {
  const username = textOf(credentials.username);
  if (username === undefined) return undefined; // SCRAM has names that are text
  const safe = await connection.getObject(SAFE_LOGIN);
  for (const claim of claims(connection, terms.isPlus)) {
    signal.throwIfAborted();
    const clientFirst = writeClientFirst(claim.binding, username, newNonce());
    let answer: unknown;
    try {
      answer = await safe.callRemote("scram", bytesOf(clientFirst.header + clientFirst.bare));
    } catch (error) {
      if (error instanceof RemoteError && error.is(ChannelBindingUnavailable.remoteType)) continue;
      if (isMissing(error)) return undefined;
      throw error;
    }
    const [message, exchange] = pair(answer);
    using held = exchange;
    return await prove(
      held,
      { clientFirst, claim, serverFirst: readServerFirst(message) },
      credentials,
      mind,
      terms,
      signal,
    );
  }
  return undefined;
}

interface Said {
  readonly clientFirst: ClientFirst;
  readonly claim: ChannelClaim;
  readonly serverFirst: ServerFirst & { readonly text: string };
}

async function prove(
  exchange: RemoteReference,
  { clientFirst, claim, serverFirst }: Said,
  { password }: UsernamePassword,
  mind: Referenceable | null,
  { leastIterations, mostIterations }: ScramTerms,
  signal: AbortSignal,
): Promise<unknown> {
  const { nonce, salt, iterations } = serverFirst;
  if (!nonce.startsWith(clientFirst.nonce) || nonce === clientFirst.nonce)
    throw malformed("The server answered another login");
  if (iterations < leastIterations)
    throw tooWeak(`The server wants a proof with ${iterations} iterations only: too easy to guess from`);
  if (iterations > mostIterations)
    throw malformed(`The server wants a proof with ${iterations} iterations: too much work`);
  const salted = await saltPassword(password, salt, iterations);
  signal.throwIfAborted();
  const withoutProof = finalWithoutProof(channelOf(clientFirst, claim.data), nonce);
  const signed = authMessage(clientFirst.bare, serverFirst.text, withoutProof);
  const key = clientKey(salted);
  const proof = mask(key, sign(storedKey(key), signed));
  const [message, entrance] = pair(await exchange.callRemote("finish", bytesOf(writeClientFinal(withoutProof, proof))));
  using held = entrance;
  if (!isSame(sign(serverKey(salted), signed), readServerFinal(message))) {
    throw new LoginFailed("The server does not know the password itself: it may not be the one it says", {
      code: "LOGIN_SERVER_NOT_PROVEN",
    });
  }
  signal.throwIfAborted();
  return await held.callRemote("enter", mind);
}

/** Shows a bearer token. */
export async function bearerLogin(
  connection: Broker,
  { token }: BearerToken,
  mind: Referenceable | null,
): Promise<unknown> {
  const safe = await connection.getObject(SAFE_LOGIN);
  try {
    return await safe.callRemote("bearer", bytesOf(token), mind);
  } catch (error) {
    if (isMissing(error)) throw new UnhandledCredentials("The server takes no bearer tokens", { cause: error });
    throw error;
  }
}

/** The best first. `y` tells the server that we could have bound: it refuses if it could, too, and somebody said otherwise. */
function claims({ peer }: Broker, isPlus: boolean): ChannelClaim[] {
  const types: readonly ChannelBindingType[] = ["tls-exporter", "tls-server-end-point"];
  const bound = types.flatMap((type): ChannelClaim[] => {
    const data = peer.channelBinding?.(type);
    return data === undefined ? [] : [{ binding: `p=${type}`, data }];
  });
  if (isPlus) return bound;
  return [...bound, { binding: bound.length > 0 ? "y" : "n", data: undefined }];
}

/** A stock server has no such object; one of ours may have no checker, or a later version another way. */
function isMissing(error: unknown): boolean {
  if (!(error instanceof RemoteError)) return false;
  if (error.is(UnhandledCredentials.remoteType) || error.is("twisted.spread.flavors.NoSuchMethod")) return true;
  return error.is("twisted.spread.pb.Error") && error.message === "Invalid Object ID";
}

function pair(answer: unknown): [message: unknown, reference: RemoteReference] {
  const [message, reference] = Array.isArray(answer) ? (answer as unknown[]) : [];
  if (!(reference instanceof RemoteReference))
    throw malformed("The server answered with something that is no part of a login");
  return [message, reference as RemoteReference];
}

function malformed(message: string): LoginFailed {
  return new LoginFailed(message, { code: "LOGIN_MALFORMED" });
}

function tooWeak(message: string): LoginFailed {
  return new LoginFailed(message, { code: "LOGIN_TOO_WEAK" });
}
