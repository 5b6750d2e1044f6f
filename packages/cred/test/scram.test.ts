import { describe, expect, test, vi } from "vitest";
import { ScramVerifier, UsernamePassword } from "@pb/cred";
import { ScramProof } from "@pb/cred/extension";
import { fromBase64, toBase64 } from "../src/bytes.js";
import { clientKey, xor, saltPassword, serverKey, sign, storedKey } from "../src/scram/scram-keys.js";
import {
  authMessage,
  channelOf,
  finalWithoutProof,
  readClientFinal,
  readClientFirst,
  readServerFinal,
  readServerFirst,
  writeClientFinal,
  writeClientFirst,
  writeServerFinal,
  writeServerFirst,
} from "../src/scram/scram-messages.js";

/** RFC 7677, section 3: user "user", password "pencil". */
const rfc7677 = {
  clientNonce: "rOprNGfwEbeRWgbNEkqO",
  clientFirst: "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
  serverFirst: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
  clientFinal:
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
  serverFinal: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
};

async function clientSays(password: string) {
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
    expects: writeServerFinal(sign(serverKey(salted), signed)),
  };
}

describe("the exchange of RFC 7677", () => {
  test("is what our client says, and what it expects of the server", async () => {
    const { first, final, expects } = await clientSays("pencil");
    expect({ first, final, expects }).toEqual({
      first: rfc7677.clientFirst,
      final: rfc7677.clientFinal,
      expects: rfc7677.serverFinal,
    });
  });

  test("convinces a verifier of that password, which proves itself in return", async () => {
    const { salt, iterations } = readServerFirst(rfc7677.serverFirst);
    const verifier = await ScramVerifier.of("pencil", { salt, iterations });
    const { bare } = readClientFirst(rfc7677.clientFirst);
    const { proof, withoutProof } = readClientFinal(rfc7677.clientFinal);
    const signed = authMessage(bare, rfc7677.serverFirst, withoutProof);
    expect(verifier.isProof(signed, proof)).toBe(true);
    expect(await verifier.check(new ScramProof("user", signed, proof))).toBe(true);
    expect(writeServerFinal(verifier.sign(signed))).toBe(rfc7677.serverFinal);
  });

  test("convinces no verifier of another password, and no verifier when a bit is changed", async () => {
    const { salt, iterations } = readServerFirst(rfc7677.serverFirst);
    const { final, signed } = await clientSays("pencil");
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

  test("is the same where the platform has no PBKDF2", async () => {
    vi.stubGlobal("crypto", { getRandomValues: crypto.getRandomValues.bind(crypto) });
    try {
      const { final } = await clientSays("pencil");
      expect(final).toBe(rfc7677.clientFinal);
    } finally {
      vi.unstubAllGlobals();
    }
  });
});

describe("a message", () => {
  test("of the server is read as it was written", () => {
    const first = { nonce: "abc", salt: new Uint8Array([1, 2, 3]), iterations: 4096 };
    expect(readServerFirst(writeServerFirst(first))).toEqual({ ...first, text: "r=abc,s=AQID,i=4096" });
    expect(readServerFinal(writeServerFinal(first.salt))).toEqual(first.salt);
  });

  test("carries any name", () => {
    for (const name of ["alice", "a,b=c", "=2C", "Ærøskøbing", "n=x,r=y", "€😀"]) {
      const { header, bare } = writeClientFirst("n", name, "abc");
      expect(readClientFirst(header + bare)).toMatchObject({
        username: name,
        nonce: "abc",
        binding: "n",
        header,
        bare,
      });
    }
  });

  test("may say more than we know, at its end", () => {
    expect(readClientFirst("y,,n=user,r=abc,x=new,y=newer")).toMatchObject({ bare: "n=user,r=abc,x=new,y=newer" });
    expect(readServerFirst("r=abcd,s=c2FsdA==,i=4096,x=new")).toMatchObject({ nonce: "abcd", iterations: 4096 });
    expect(readClientFinal("c=biws,r=abcd,x=new,p=AAAA")).toMatchObject({ withoutProof: "c=biws,r=abcd,x=new" });
    expect(readServerFinal("v=AAAA,x=new")).toHaveLength(3);
  });

  test("may name whom to act as only if it is oneself", () => {
    expect(readClientFirst("n,a=user,n=user,r=abc")).toMatchObject({ username: "user", header: "n,a=user," });
    expect(() => readClientFirst("n,a=root,n=user,r=abc")).toThrow("no message of SCRAM");
  });

  test("binds to the channel with its header", () => {
    const first = readClientFirst("p=tls-exporter,,n=user,r=abc");
    expect(first.binding).toBe("p=tls-exporter");
    const text = new TextDecoder().decode(channelOf(first, new Uint8Array([0x41, 0x42])));
    expect(text).toBe("p=tls-exporter,,AB");
  });

  test.each([
    ["nothing", readClientFirst, ""],
    ["no header", readClientFirst, "n=user,r=abc"],
    ["a mandatory extension", readClientFirst, "n,,m=x,n=user,r=abc"],
    ["no nonce", readClientFirst, "n,,n=user"],
    ["an empty name", readClientFirst, "n,,n=,r=abc"],
    ["a bad escape", readClientFirst, "n,,n=a=2Xb,r=abc"],
    ["a nonce with a space", readClientFirst, "n,,n=user,r=a b"],
    ["a name that is too long", readClientFirst, `n,,n=${"x".repeat(257)},r=abc`],
    ["an endless message", readClientFirst, `n,,n=user,r=${"x".repeat(9000)}`],
    ["no UTF-8", readClientFirst, new Uint8Array([0x6e, 0x2c, 0x2c, 0xff])],
    ["a number", readClientFirst, 7],
    ["null", readClientFirst, null],
    ["no iterations", readServerFirst, "r=abc,s=c2FsdA==,i=0"],
    ["negative iterations", readServerFirst, "r=abc,s=c2FsdA==,i=-1"],
    ["endless iterations", readServerFirst, "r=abc,s=c2FsdA==,i=99999999999"],
    ["a salt that is no base64", readServerFirst, "r=abc,s=c2Fsd,i=4096"],
    ["an error", readServerFirst, "e=other-error"],
    ["a proof before its end", readClientFinal, "c=biws,r=abc,p=AAAA,x=1"],
    ["no proof", readClientFinal, "c=biws,r=abc"],
    ["a proof that is no base64", readClientFinal, "c=biws,r=abc,p=!!!!"],
    ["an error for a signature", readServerFinal, "e=invalid-proof"],
  ])("with %s is none", (_what, read, message) => {
    expect(() => read(message)).toThrow(expect.objectContaining({ name: "LoginFailed", code: "LOGIN_MALFORMED" }));
  });

  test("of junk is never a crash", () => {
    const letters = "nypcrsvie=,/+ABCabc019 \u00e9";
    let seed = 7;
    const random = (below: number) => (seed = (seed * 1103515245 + 12345) % 2147483648) % below;
    const starts = Object.values(rfc7677);
    for (let round = 0; round < 3000; round++) {
      const text = starts[random(starts.length)]!;
      const at = random(text.length + 1);
      const junk = text.slice(0, at) + letters[random(letters.length)]! + text.slice(at + random(3));
      for (const read of [readClientFirst, readServerFirst, readClientFinal, readServerFinal]) {
        try {
          read(junk);
        } catch (error) {
          expect(error).toMatchObject({ code: "LOGIN_MALFORMED" });
        }
      }
    }
  });
});

describe("what the server keeps", () => {
  test("is never the same for the same password", async () => {
    const [one, other] = await Promise.all([1, 2].map(() => ScramVerifier.of("secret", { iterations: 4096 })));
    expect(one!.toText()).not.toBe(other!.toText());
  });

  test("for nobody has a salt that stays the same for a name, and that nobody else can foresee", () => {
    const secret = new Uint8Array(32).fill(7);
    const salt = (name: string, key = secret) => toBase64(ScramVerifier.decoy(name, key).salt);
    expect(salt("mallory")).toBe(salt("mallory"));
    expect(salt("mallory")).not.toBe(salt("trent"));
    expect(salt("mallory")).not.toBe(salt("mallory", new Uint8Array(32).fill(8)));
    expect(fromBase64(salt("mallory"))).toHaveLength(16);
  });

  test("of an empty password is a verifier like any other", async () => {
    const salt = new Uint8Array(16);
    const verifier = await ScramVerifier.of("", { iterations: 4096, salt });
    expect(verifier.toText()).toMatch(/^\{SCRAM-SHA-256\}4096,/);
    expect(await verifier.check(new UsernamePassword("nobody", ""))).toBe(true);
  });
});
