// PB's challenge and response (wire specification 6.1; `twisted.spread.pb.challenge`, `respond`).

import { md5 } from "@noble/hashes/legacy.js";
import { bytesOf, concat, randomBytes } from "./bytes.js";

/** Bytes of a challenge, as Twisted's have. */
const CHALLENGE_BYTES = 16;

/** 16 bytes nobody can foresee. */
export function challenge(): Uint8Array {
  return randomBytes(CHALLENGE_BYTES);
}

/** MD5(MD5(password) + challenge): 16 bytes. Text passwords are taken as UTF-8. */
export function respond(challenge: Uint8Array, password: string | Uint8Array): Uint8Array {
  return respondWithDigest(challenge, digestOf(password));
}

/** As {@link respond}, for who has only the MD5 digest of the password. It is all that is needed: guard it like the password. */
export function respondWithDigest(challenge: Uint8Array, digest: Uint8Array): Uint8Array {
  return md5(concat(digest, challenge));
}

export function digestOf(password: string | Uint8Array): Uint8Array {
  return md5(bytesOf(password));
}
