// Tests of the forms in which passwords are stored.

import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import {
  BearerToken,
  InMemoryUsernamePasswordChecker,
  Md5Digest,
  parseStoredPasswords,
  PlainPassword,
  ScramVerifier,
  ScryptHash,
  UsernamePassword,
} from "@pb/cred";
import { ChallengedPassword, respond } from "@pb/cred/extension";
import { iterations } from "../support.js";

const challenge = Uint8Array.from({ length: 16 }, (_, index) => index);

const classic = (password: string) => new ChallengedPassword("alice", challenge, respond(challenge, password));

const plaintext = (password: string) => new UsernamePassword("alice", password);

describe("a stored password", () => {
  test("as plaintext checks a classic login and a plaintext password", () => {
    const stored = new PlainPassword("secret");
    expect([stored.check(classic("secret")), stored.check(plaintext("secret"))]).toEqual([true, true]);
    expect([stored.check(classic("Secret")), stored.check(plaintext("secrets"))]).toEqual([false, false]);
  });

  test("as an MD5 digest checks a classic login and a plaintext password", () => {
    const stored = Md5Digest.of("secret");
    expect([stored.check(classic("secret")), stored.check(plaintext("secret"))]).toEqual([true, true]);
    expect([stored.check(classic("Secret")), stored.check(plaintext("secrets"))]).toEqual([false, false]);
  });

  test("as a SCRAM verifier checks a plaintext password", async () => {
    const stored = await ScramVerifier.of("secret", { iterations });
    expect(await stored.check(plaintext("secret"))).toBe(true);
    expect(await stored.check(plaintext("secrets"))).toBe(false);
    expect(await stored.check(classic("secret"))).toBe(false);
  });

  test("as a scrypt hash checks a plaintext password", async () => {
    const stored = await ScryptHash.of("secret", { ln: 10, p: 1 });
    expect(await stored.check(plaintext("secret"))).toBe(true);
    expect(await stored.check(plaintext("secrets"))).toBe(false);
    expect(await stored.check(classic("secret"))).toBe(false);
  });

  test("can be written as text and read back", async () => {
    const scrypt = await ScryptHash.of("secret", { ln: 10, p: 1 });
    const all = [Md5Digest.of("secret"), await ScramVerifier.of("secret", { iterations }), scrypt];
    const text = all.map((stored) => stored.toText()).join(" ");
    const read = parseStoredPasswords(text) as typeof all;
    expect(read.map((stored) => stored.toText()).join(" ")).toBe(text);
    for (const stored of read) expect(await stored.check(plaintext("secret"))).toBe(true);
  });

  test.each([
    ["{MD5}XUFAKrxLKna5cZ2REBfFkg==", "hello", "MD5 in the format of LDAP"],
    ["5d41402abc4b2a76b9719d911017c592", "hello", "MD5 in hexadecimal digits"],
    [
      "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
      "password",
      "scrypt, from the documentation of passlib",
    ],
    [
      "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
      "pencil",
      "SCRAM in the format of PostgreSQL, with the keys of the example in RFC 7677",
    ],
    [
      "{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
      "pencil",
      "SCRAM in the format of Dovecot",
    ],
  ])("is read from %s (%s)", async (text, password) => {
    const [stored] = parseStoredPasswords(text);
    expect(await stored!.check(new UsernamePassword("user", password))).toBe(true);
    expect(await stored!.check(new UsernamePassword("user", `${password} `))).toBe(false);
  });

  test.each([
    "secret",
    "{MD5}",
    "{MD5}AAAA",
    "{SCRAM-SHA-256}4096,AAAA,AAAA,AAAA",
    "{SCRAM-SHA-256}0,W22ZaJ0SNY7soEsUEjb6gQ==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
    "SCRAM-SHA-256$4096:x$y:z",
    "$scrypt$ln=15$x$y",
    "",
  ])("is not read from %j", (text) => {
    expect(parseStoredPasswords(text)).toEqual([]);
  });
});

test("printed or serialized objects contain no password, verifier or token", async () => {
  const verifier = await ScramVerifier.of("hush-hush", { iterations });
  const scrypt = await ScryptHash.of("hush-hush", { ln: 4, p: 1 });
  const objects = [
    new UsernamePassword("alice", "hush-hush"),
    classic("hush-hush"),
    new PlainPassword("hush-hush"),
    Md5Digest.of("hush-hush"),
    verifier,
    scrypt,
    new BearerToken("hush-hush"),
    new InMemoryUsernamePasswordChecker({ alice: "hush-hush" }),
  ];
  const secrets = [
    "hush-hush",
    ...[Md5Digest.of("hush-hush"), verifier, scrypt].flatMap((stored) => stored.toText().split(/[,$}]/).slice(-1)),
  ];
  for (const object of objects) {
    const printed = [inspect(object, { depth: 9, showHidden: true }), JSON.stringify(object)].join("\n");
    for (const secret of secrets) expect(printed).not.toContain(secret);
    expect(printed).not.toMatch(/Uint8Array\((?!16)\d+\)/); // only a salt, which has 16 bytes, is public
  }
});
