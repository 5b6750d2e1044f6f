// Tests of the messages of SCRAM.

import { describe, expect, test } from "vitest";
import {
  channelOf,
  readClientFinal,
  readClientFirst,
  readServerFinal,
  readServerFirst,
  writeClientFirst,
  writeServerFinal,
  writeServerFirst,
} from "../../src/scram/scram-messages.js";
import { rfc7677 } from "./rfc7677.js";

describe("a SCRAM message", () => {
  test("may have 8192 characters, and not one more", () => {
    const message = (length: number): string => "n,,n=user,r=".padEnd(length, "x");
    expect(readClientFirst(message(8192))).toMatchObject({ username: "user" });
    expect(() => readClientFirst(message(8193))).toThrow("Malformed SCRAM message");
  });

  test("of the server can be read back", () => {
    const first = { nonce: "abc", salt: new Uint8Array([1, 2, 3]), iterations: 4096 };
    expect(readServerFirst(writeServerFirst(first))).toEqual({ ...first, text: "r=abc,s=AQID,i=4096" });
    expect(readServerFinal(writeServerFinal(first.salt))).toEqual(first.salt);
  });

  test("can contain any name", () => {
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

  test("can end with unknown extensions", () => {
    expect(readClientFirst("y,,n=user,r=abc,x=new,y=newer")).toMatchObject({ bare: "n=user,r=abc,x=new,y=newer" });
    expect(readServerFirst("r=abcd,s=c2FsdA==,i=4096,x=new")).toMatchObject({ nonce: "abcd", iterations: 4096 });
    expect(readClientFinal("c=biws,r=abcd,x=new,p=AAAA")).toMatchObject({ withoutProof: "c=biws,r=abcd,x=new" });
    expect(readServerFinal("v=AAAA,x=new")).toHaveLength(3);
  });

  test("can have an authorization identity only if it equals the user name", () => {
    expect(readClientFirst("n,a=user,n=user,r=abc")).toMatchObject({ username: "user", header: "n,a=user," });
    expect(() => readClientFirst("n,a=root,n=user,r=abc")).toThrow("Malformed SCRAM message");
  });

  test("contributes its header to the channel binding input", () => {
    const first = readClientFirst("p=tls-exporter,,n=user,r=abc");
    expect(first.binding).toBe("p=tls-exporter");
    const text = new TextDecoder().decode(channelOf(first, new Uint8Array([0x41, 0x42])));
    expect(text).toBe("p=tls-exporter,,AB");
  });

  test.each([
    ["no content", readClientFirst, ""],
    ["no header", readClientFirst, "n=user,r=abc"],
    ["a mandatory extension", readClientFirst, "n,,m=x,n=user,r=abc"],
    ["no nonce", readClientFirst, "n,,n=user"],
    ["an empty name", readClientFirst, "n,,n=,r=abc"],
    ["a bad escape", readClientFirst, "n,,n=a=2Xb,r=abc"],
    ["a nonce with a space", readClientFirst, "n,,n=user,r=a b"],
    ["a name that is too long", readClientFirst, `n,,n=${"x".repeat(257)},r=abc`],
    ["more than 8192 characters", readClientFirst, `n,,n=user,r=${"x".repeat(9000)}`],
    ["invalid UTF-8", readClientFirst, new Uint8Array([0x6e, 0x2c, 0x2c, 0xff])],
    ["a value that is a number", readClientFirst, 7],
    ["a value that is null", readClientFirst, null],
    ["no iterations", readServerFirst, "r=abc,s=c2FsdA==,i=0"],
    ["negative iterations", readServerFirst, "r=abc,s=c2FsdA==,i=-1"],
    ["too many digits of iterations", readServerFirst, "r=abc,s=c2FsdA==,i=99999999999"],
    ["a salt that is not base64", readServerFirst, "r=abc,s=c2Fsd,i=4096"],
    ["an error in place of a nonce", readServerFirst, "e=other-error"],
    ["a proof before its end", readClientFinal, "c=biws,r=abc,p=AAAA,x=1"],
    ["no proof", readClientFinal, "c=biws,r=abc"],
    ["a proof that is not base64", readClientFinal, "c=biws,r=abc,p=!!!!"],
    ["an error in place of a signature", readServerFinal, "e=invalid-proof"],
  ])("with %s is malformed", (_what, read, message) => {
    expect(() => read(message)).toThrow(expect.objectContaining({ name: "LoginFailed", code: "LOGIN_MALFORMED" }));
  });

  test("that is damaged at random gives a value or a LoginFailed", () => {
    const letters = "nypcrsvie=,/+ABCabc019 \u00e9";
    let seed = 7;
    const random = (below: number) => (seed = (seed * 1103515245 + 12345) % 2147483648) % below;
    const starts = Object.values(rfc7677);
    for (let round = 0; round < 3000; round++) {
      const text = starts[random(starts.length)]!;
      const at = random(text.length + 1);
      const damaged = text.slice(0, at) + letters[random(letters.length)]! + text.slice(at + random(3));
      for (const read of [readClientFirst, readServerFirst, readClientFinal, readServerFinal]) {
        try {
          read(damaged);
        } catch (error) {
          expect(error).toMatchObject({ code: "LOGIN_MALFORMED" });
        }
      }
    }
  });
});
