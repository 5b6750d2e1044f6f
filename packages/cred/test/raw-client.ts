// Helpers that send the messages of a login one by one, so that a test can send wrong ones.

import type { Broker } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { clientKey, saltPassword, sign, storedKey, xor } from "../src/scram/scram-keys.js";

export const bytes = (text: string) => new Uint8Array(Buffer.from(text));

export const unauthorized = "twisted.cred.error.UnauthorizedLogin";

/** The answer to a message in the middle of a login: the server's message, and the object that accepts the next one. */
export type Step = [message: Uint8Array, next: RemoteReference];

/** Asks for a challenge as a client does that is not ours: with any name, and any response. */
export async function challengeFor(client: Broker, name: unknown) {
  const root = await client.getRootObject();
  const [challenge, challenger] = (await root.callRemote("login", name)) as Step;
  const respond = (response: unknown, mind: unknown = null) => challenger.callRemote("respond", response, mind);
  return { challenge, respond, challenger };
}

export const extendedLogin = (client: Broker) => client.getObject("pbx.login");

/**
 * Runs a SCRAM exchange up to the last message of the client, which it returns. `change` replaces the channel binding
 * and the nonce in that message, before the proof is computed.
 */
export async function scramFor(
  client: Broker,
  name: string,
  password: string,
  change: (channel: string, nonce: string) => [channel: string, nonce: string] = (...same) => same,
) {
  const extended = await extendedLogin(client);
  const bare = `n=${name},r=abc`;
  const [first, exchange] = (await extended.callRemote("scram", bytes(`n,,${bare}`))) as Step;
  const text = Buffer.from(first).toString();
  const [, nonce = "", salt = "", count] = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(text)!;
  const salted = await saltPassword(password, Buffer.from(salt, "base64"), Number(count));
  const [channel, changed] = change("biws", nonce);
  const withoutProof = `c=${channel},r=${changed}`;
  const signed = `${bare},${text},${withoutProof}`;
  const key = clientKey(salted);
  const proof = Buffer.from(xor(key, sign(storedKey(key), signed))).toString("base64");
  return { exchange, final: `${withoutProof},p=${proof}`, salt, iterations: Number(count) };
}
