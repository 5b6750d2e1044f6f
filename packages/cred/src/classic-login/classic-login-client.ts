// The client's half of PB's own logins (wire specification 6; `twisted.spread.pb.PBClientFactory.login`).

import type { Broker, Referenceable } from "@pb/broker";
import { bytesOf } from "../bytes.js";
import type { UsernamePassword } from "../credentials/credentials.js";
import { malformedLogin } from "../errors.js";
import { readStep } from "../login-answer.js";

export async function anonymousLogin(connection: Broker, mind: Referenceable | null): Promise<unknown> {
  const root = await connection.getRootObject();
  return root.callRemote("loginAnonymous", mind);
}

/**
 * Logs in with the response to a challenge. Throws the reason of the signal when it aborts before the response is sent.
 */
export async function classicLogin(
  connection: Broker,
  credentials: UsernamePassword,
  mind: Referenceable | null,
  signal: AbortSignal,
): Promise<unknown> {
  const root = await connection.getRootObject();
  const [challenge, reference] = readStep(await root.callRemote("login", bytesOf(credentials.username)));
  using challenger = reference;
  if (!(challenge instanceof Uint8Array)) throw malformedLogin("The server did not send a challenge");
  signal.throwIfAborted();
  return await challenger.callRemote("respond", credentials.respond(challenge), mind);
}
