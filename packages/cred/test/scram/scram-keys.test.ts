// Tests of the keys, proofs and verifiers of SCRAM, with the example of RFC 7677.

import { describe, expect, test, vi } from "vitest";
import { ScramVerifier, UsernamePassword } from "@pb/cred";
import { ScramProof } from "@pb/cred/extension";
import { fromBase64, toBase64 } from "../../src/bytes.js";
import { clientKey, saltPassword, serverKey, sign, storedKey, xor } from "../../src/scram/scram-keys.js";
import {
  authMessage,
  channelOf,
  finalWithoutProof,
  readClientFinal,
  readClientFirst,
  readServerFirst,
  writeClientFinal,
  writeClientFirst,
  writeServerFinal,
} from "../../src/scram/scram-messages.js";
import { rfc7677 } from "./rfc7677.js";

/** The messages of a client to the server of the example. */
async function clientMessages(password: string) {
  const first = writeClientFirst("n", "user", rfc7677.clientNonce);
  const { nonce, salt, iterations } = readServerFirst(rfc7677.serverFirst);
  const salted = await saltPassword(password, salt, iterations);
  const withoutProof = finalWithoutProof(channelOf(first, undefined), nonce);
  const signed = authMessage(first.bare, rfc7677.serverFirst, withoutProof);
  const key = clientKey(salted);
  return {
    first: first.header + first.bare,
    final: writeClientFinal(withoutProof, xor(key, sign(storedKey(key), signed))),
    signed,
    expectedServerFinal: writeServerFinal(sign(serverKey(salted), signed)),
  };
}

describe("the example of RFC 7677", () => {
  test("has the messages that the client sends and expects", async () => {
    const { first, final, expectedServerFinal } = await clientMessages("pencil");
    expect({ first, final, expectedServerFinal }).toEqual({
      first: rfc7677.clientFirst,
      final: rfc7677.clientFinal,
      expectedServerFinal: rfc7677.serverFinal,
    });
  });

  test("is accepted by the verifier of the password, which signs the same answer", async () => {
    const { salt, iterations } = readServerFirst(rfc7677.serverFirst);
    const verifier = await ScramVerifier.of("pencil", { salt, iterations });
    const { bare } = readClientFirst(rfc7677.clientFirst);
    const { proof, withoutProof } = readClientFinal(rfc7677.clientFinal);
    const signed = authMessage(bare, rfc7677.serverFirst, withoutProof);
    expect(verifier.isProof(signed, proof)).toBe(true);
    expect(await verifier.check(new ScramProof("user", signed, proof))).toBe(true);
    expect(writeServerFinal(verifier.sign(signed))).toBe(rfc7677.serverFinal);
  });

  test("is rejected by the verifier of another password, and when one bit of the proof is changed", async () => {
    const { salt, iterations } = readServerFirst(rfc7677.serverFirst);
    const { final, signed } = await clientMessages("pencil");
    const { proof } = readClientFinal(final);
    const other = await ScramVerifier.of("pencils", { salt, iterations });
    expect(other.isProof(signed, proof)).toBe(false);
    const verifier = await ScramVerifier.of("pencil", { salt, iterations });
    expect(verifier.isProof(`${signed} `, proof)).toBe(false);
    for (let bit = 0; bit < 256; bit += 37) {
      const changed = proof.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(verifier.isProof(signed, changed)).toBe(false);
    }
    expect(verifier.isProof(signed, proof.slice(1))).toBe(false);
  });

  test("is not computed further when the signal aborts", async () => {
    const controller = new AbortController();
    const salted = saltPassword("pencil", new Uint8Array(16), 1e9, controller.signal);
    setTimeout(() => controller.abort(new Error("given up")), 20);
    await expect(salted).rejects.toThrow("given up");
  });

  test("is computed once for all logins that need it at the same time", async () => {
    const compute = vi.spyOn(crypto.subtle, "deriveBits");
    const salt = new Uint8Array([1, 2, 3, 4]);
    const compute6 = () =>
      Promise.all([0, 1, 2].flatMap(() => ["one", "two"].map((text) => saltPassword(text, salt, 4096))));
    const [one, two, ...others] = await compute6();
    expect(compute).toHaveBeenCalledTimes(2);
    expect(others).toEqual([one, two, one, two]);
    expect(one).not.toEqual(two);
    one!.fill(0); // The results are not shared.
    expect(others).not.toContainEqual(one);
    await compute6();
    expect(compute).toHaveBeenCalledTimes(4);
    compute.mockRestore();
  });

  test("gives the same proof on a platform without PBKDF2", async () => {
    vi.stubGlobal("crypto", { getRandomValues: crypto.getRandomValues.bind(crypto) });
    try {
      const { final } = await clientMessages("pencil");
      expect(final).toBe(rfc7677.clientFinal);
    } finally {
      vi.unstubAllGlobals();
    }
  });
});

describe("a verifier", () => {
  test("is different every time, also for the same password", async () => {
    const [one, other] = await Promise.all([1, 2].map(() => ScramVerifier.of("secret", { iterations: 4096 })));
    expect(one!.toText()).not.toBe(other!.toText());
  });

  test("of an unknown name has a salt that depends only on the name and the secret", () => {
    const secret = new Uint8Array(32).fill(7);
    const salt = (name: string, key = secret) => toBase64(ScramVerifier.decoy(name, key).salt);
    expect(salt("mallory")).toBe(salt("mallory"));
    expect(salt("mallory")).not.toBe(salt("trent"));
    expect(salt("mallory")).not.toBe(salt("mallory", new Uint8Array(32).fill(8)));
    expect(fromBase64(salt("mallory"))).toHaveLength(16);
  });

  test("can be derived from an empty password", async () => {
    const salt = new Uint8Array(16);
    const verifier = await ScramVerifier.of("", { iterations: 4096, salt });
    expect(verifier.toText()).toMatch(/^\{SCRAM-SHA-256\}4096,/);
    expect(await verifier.check(new UsernamePassword("nobody", ""))).toBe(true);
  });
});
