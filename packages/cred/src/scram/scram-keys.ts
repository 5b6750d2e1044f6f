// The keys, proofs and signatures of SCRAM-SHA-256 (RFC 5802 section 3, RFC 7677).

import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { withDefaults } from "@pb/broker/extension";
import { bytesOf, concat, toBase64 } from "../bytes.js";
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

/** Milliseconds of computing in JavaScript until other tasks get their turn: less than a frame of a display. */
const SLICE_MS = 8;

/** Iterations between two looks at the clock: about 0.1 ms. */
const SLICE_ITERATIONS = 50;

/** The platform's computations in progress: many clients of one process may log in with one password at a time. */
const inProgress = new Map<string, Promise<Uint8Array>>();

/**
 * Derives the `SaltedPassword` from a password with PBKDF2, which is slow by design. Rejects with the reason of the
 * signal when it aborts.
 *
 * Uses the platform's PBKDF2 where there is one, which does not block the event loop but cannot be stopped. Therefore,
 * with a signal, it is used for at most {@link ITERATIONS} iterations, 0.2 s. More are computed in JavaScript, which is
 * about seven times slower and stops when the signal aborts, so that a server cannot keep the processor busy.
 */
export async function saltPassword(
  password: string | Uint8Array,
  salt: Uint8Array,
  iterations: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const secret = passwordBytes(password);
  // Browsers provide `subtle` in secure contexts only.
  const { subtle } = crypto as { subtle?: typeof crypto.subtle };
  if (subtle === undefined || (signal !== undefined && iterations > ITERATIONS)) {
    return saltInSlices(secret, salt, iterations, signal);
  }
  const name = [iterations, toBase64(sha256(salt)), toBase64(sha256(secret))].join();
  let salted = inProgress.get(name);
  if (salted === undefined) {
    salted = saltWith(subtle, secret, salt, iterations).finally(() => inProgress.delete(name));
    inProgress.set(name, salted);
  }
  return (await salted).slice();
}

async function saltWith(
  subtle: typeof crypto.subtle,
  secret: Uint8Array,
  salt: Uint8Array,
  iterations: number,
): Promise<Uint8Array> {
  const key = await subtle.importKey("raw", new Uint8Array(secret), "PBKDF2", false, ["deriveBits"]);
  const parameters = { name: "PBKDF2", hash: "SHA-256", salt: new Uint8Array(salt), iterations };
  return new Uint8Array(await subtle.deriveBits(parameters, key, KEY_BYTES * 8));
}

/** PBKDF2 (RFC 8018 section 5.2) with HMAC-SHA-256, for the length of one hash. Lets other tasks run in between. */
async function saltInSlices(
  secret: Uint8Array,
  salt: Uint8Array,
  iterations: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const start = hmac.create(sha256, secret);
  const mac = start.clone();
  let block = hmac(sha256, secret, concat(salt, Uint8Array.of(0, 0, 0, 1)));
  const salted = block.slice();
  let sliceEnd = 0;
  for (let iteration = 1; iteration < iterations; iteration++) {
    if (iteration % SLICE_ITERATIONS === 0 && performance.now() >= sliceEnd) {
      await new Promise((resolve) => setTimeout(resolve));
      signal?.throwIfAborted();
      sliceEnd = performance.now() + SLICE_MS;
    }
    block = start._cloneInto(mac).update(block).digest();
    for (let index = 0; index < KEY_BYTES; index++) salted[index]! ^= block[index]!;
  }
  return salted;
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
