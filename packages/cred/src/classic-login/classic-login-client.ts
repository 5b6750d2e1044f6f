// The client's half of PB's own logins (wire specification 6; `twisted.spread.pb.PBClientFactory.login`).

import { dispose } from "@pb/banana";
import type { Referenceable } from "@pb/broker";
import { bytesOf } from "../bytes.js";
import { malformedLogin } from "../errors.js";
import { readStep } from "../login-answer.js";
import type { LoginCalls, NameAndPassword } from "../login-calls.js";

export async function anonymousLogin(calls: LoginCalls, mind: Referenceable | null): Promise<unknown> {
  const root = await calls.connection.getRootObject();
  return calls.call(root, "loginAnonymous", mind);
}

/**
 * Logs in with the response to a challenge. Throws the reason of the signal when it aborts before the response is sent.
 */
export async function classicLogin(
  calls: LoginCalls,
  credentials: NameAndPassword,
  mind: Referenceable | null,
  signal: AbortSignal,
): Promise<unknown> {
  const root = await calls.connection.getRootObject();
  const [challenge, challenger] = readStep(await calls.call(root, "login", bytesOf(credentials.username)));
  try {
    if (!(challenge instanceof Uint8Array)) throw malformedLogin("The server did not send a challenge");
    signal.throwIfAborted();
    return await calls.call(challenger, "respond", credentials.respond(challenge), mind);
  } finally {
    challenger[dispose]();
  }
}
