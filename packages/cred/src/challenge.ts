// PB's challenge and response (wire specification 6.1; `twisted.spread.pb.challenge`, `respond`).

import { md5 } from "@noble/hashes/legacy.js";

/** Bytes of a challenge, as Twisted's have. */
const CHALLENGE_BYTES = 16;

const utf8 = new TextEncoder();

/** 16 bytes nobody can foresee. */
export function challenge(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(CHALLENGE_BYTES));
}

/** MD5(MD5(password) + challenge): 16 bytes. Text passwords are taken as UTF-8. */
export function respond(challenge: Uint8Array, password: string | Uint8Array): Uint8Array {
  const digest = md5(typeof password === "string" ? utf8.encode(password) : password);
  const message = new Uint8Array(digest.length + challenge.length);
  message.set(digest);
  message.set(challenge, digest.length);
  return md5(message);
}
