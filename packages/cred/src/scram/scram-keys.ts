// The keys, proofs and signatures of SCRAM-SHA-256 (RFC 5802 section 3, RFC 7677).

import { hmac } from "@noble/hashes/hmac.js";
import { pbkdf2Async } from "@noble/hashes/pbkdf2.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { withDefaults } from "@pb/broker/extension";
import { bytesOf } from "../bytes.js";
import { passwordBytes } from "./sasl-prep.js";

/** Length in bytes of every key, proof and signature. */
export const KEY_BYTES = 32;

/** The smallest number of iterations that RFC 7677 allows. */
export const LEAST_ITERATIONS = 4096;

/**
 * Iterations of new verifiers: what OWASP recommends for PBKDF2 with SHA-256 (2023). A login takes the client about 0.2
 * s of computing, and the server none.
 */
export const ITERATIONS = 600_000;

/** The option `iterations` with its default. Throws `TypeError` unless it is an integer of at least 1. */
export function iterationsOr(given: number | undefined): number {
  return withDefaults(
    "option",
    { iterations: ITERATIONS },
    { iterations: given },
    { iterations: { least: 1, isWhole: true } },
  ).iterations;
}

const CLIENT_KEY = bytesOf("Client Key");
const SERVER_KEY = bytesOf("Server Key");

/**
 * Derives the `SaltedPassword` from a password with PBKDF2, which is slow by design. Uses the platform's PBKDF2 where
 * there is one: it does not block the event loop. Otherwise computes it in JavaScript, and lets other tasks run in
 * between.
 */
export async function saltPassword(
  password: string | Uint8Array,
  salt: Uint8Array,
  iterations: number,
): Promise<Uint8Array> {
  const secret = passwordBytes(password);
  // Browsers provide `subtle` in secure contexts only.
  const { subtle } = crypto as { subtle?: typeof crypto.subtle };
  if (subtle === undefined) return pbkdf2Async(sha256, secret, salt, { c: iterations, dkLen: KEY_BYTES });
  const key = await subtle.importKey("raw", new Uint8Array(secret), "PBKDF2", false, ["deriveBits"]);
  const parameters = { name: "PBKDF2", hash: "SHA-256", salt: new Uint8Array(salt), iterations };
  return new Uint8Array(await subtle.deriveBits(parameters, key, KEY_BYTES * 8));
}

/** `ClientKey`: can be computed only from the password. */
export function clientKey(saltedPassword: Uint8Array): Uint8Array {
  return hmac(sha256, saltedPassword, CLIENT_KEY);
}

/** `StoredKey`: the server keeps it to verify a {@link clientKey}. */
export function storedKey(clientKey: Uint8Array): Uint8Array {
  return sha256(clientKey);
}

/** `ServerKey`: the server keeps it to prove to the client that it has the verifier of the password. */
export function serverKey(saltedPassword: Uint8Array): Uint8Array {
  return hmac(sha256, saltedPassword, SERVER_KEY);
}

/** The `ClientSignature` when `key` is a stored key, the `ServerSignature` when it is a server key. */
export function sign(key: Uint8Array, authMessage: string): Uint8Array {
  return hmac(sha256, key, bytesOf(authMessage));
}

/**
 * Combines two byte strings of one length with XOR: a client key and a signature give the proof, a proof and a
 * signature give the client key.
 */
export function xor(left: Uint8Array, right: Uint8Array): Uint8Array {
  return left.map((byte, index) => byte ^ right[index]!);
}
