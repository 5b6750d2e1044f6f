// The arithmetic of SCRAM-SHA-256 (RFC 5802 section 3, RFC 7677).

import { hmac } from "@noble/hashes/hmac.js";
import { pbkdf2Async } from "@noble/hashes/pbkdf2.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesOf } from "./bytes.js";
import { saslPrep } from "./sasl-prep.js";

/** Bytes of every key, proof and signature. */
export const KEY_BYTES = 32;

/** What RFC 7677 asks for at least. */
export const LEAST_ITERATIONS = 4096;

/** Default for new verifiers: what OWASP recommends for PBKDF2 with SHA-256 (2023). About 0.2 s for the client, nothing for the server. */
export const ITERATIONS = 600_000;

const CLIENT_KEY = bytesOf("Client Key");
const SERVER_KEY = bytesOf("Server Key");

/** `SaltedPassword`: slow on purpose. The platform's own PBKDF2 where it has one, which does not block; else JavaScript, which yields. */
export async function saltPassword(
  password: string | Uint8Array,
  salt: Uint8Array,
  iterations: number,
): Promise<Uint8Array> {
  const secret = typeof password === "string" ? bytesOf(saslPrep(password)) : password;
  // Browsers have it in secure contexts only.
  const { subtle } = crypto as { subtle?: typeof crypto.subtle };
  if (subtle === undefined) return pbkdf2Async(sha256, secret, salt, { c: iterations, dkLen: KEY_BYTES });
  const key = await subtle.importKey("raw", new Uint8Array(secret), "PBKDF2", false, ["deriveBits"]);
  const how = { name: "PBKDF2", hash: "SHA-256", salt: new Uint8Array(salt), iterations };
  return new Uint8Array(await subtle.deriveBits(how, key, KEY_BYTES * 8));
}

/** What only who knows the password can make. */
export function clientKey(saltedPassword: Uint8Array): Uint8Array {
  return hmac(sha256, saltedPassword, CLIENT_KEY);
}

/** What the server keeps to recognise a {@link clientKey}. */
export function storedKey(clientKey: Uint8Array): Uint8Array {
  return sha256(clientKey);
}

/** What the server keeps to prove itself. */
export function serverKey(saltedPassword: Uint8Array): Uint8Array {
  return hmac(sha256, saltedPassword, SERVER_KEY);
}

/** `ClientSignature` with a stored key, `ServerSignature` with a server key. `authMessage` is all that was said before. */
export function sign(key: Uint8Array, authMessage: string): Uint8Array {
  return hmac(sha256, key, bytesOf(authMessage));
}

/** The client's proof from its key, and its key from the proof: the same both ways. */
export function mask(one: Uint8Array, other: Uint8Array): Uint8Array {
  return one.map((byte, index) => byte ^ other[index]!);
}
