// The challenge and the response of PB's own login (wire specification 6.1; `twisted.spread.pb.challenge`, `respond`).

import { md5 } from "@noble/hashes/legacy.js";
import { bytesOf, concat, randomBytes } from "../bytes.js";

/** The length of a challenge in bytes, as in Twisted. */
const CHALLENGE_BYTES = 16;

/** Returns a new challenge: 16 random bytes. */
export function newChallenge(): Uint8Array {
  return randomBytes(CHALLENGE_BYTES);
}

/** The response to a challenge: MD5(MD5(password) + challenge), 16 bytes. A text password is encoded as UTF-8. */
export function respond(challenge: Uint8Array, password: string | Uint8Array): Uint8Array {
  return respondWithDigest(challenge, digestOf(password));
}

/**
 * The same as {@link respond}, from the MD5 digest of the password. The digest is enough to log in: protect it like the
 * password.
 */
export function respondWithDigest(challenge: Uint8Array, digest: Uint8Array): Uint8Array {
  return md5(concat(digest, challenge));
}

/** The MD5 digest of a password. A text password is encoded as UTF-8. */
export function digestOf(password: string | Uint8Array): Uint8Array {
  return md5(bytesOf(password));
}
