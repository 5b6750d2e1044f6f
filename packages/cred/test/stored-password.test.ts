import { describe, expect, test } from "vitest";
import { inspect } from "node:util";
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
import { iterations } from "./support.js";

const challenge = Uint8Array.from({ length: 16 }, (_, index) => index);
const classic = (password: string) => new ChallengedPassword("alice", challenge, respond(challenge, password));
const open = (password: string) => new UsernamePassword("alice", password);

describe("a password that is kept", () => {
  test("as itself judges the classic login and a password in the open", () => {
    const stored = new PlainPassword("secret");
    expect([stored.check(classic("secret")), stored.check(open("secret"))]).toEqual([true, true]);
    expect([stored.check(classic("Secret")), stored.check(open("secrets"))]).toEqual([false, false]);
  });

  test("as its MD5 digest judges them too", () => {
    const stored = Md5Digest.of("secret");
    expect([stored.check(classic("secret")), stored.check(open("secret"))]).toEqual([true, true]);
    expect([stored.check(classic("Secret")), stored.check(open("secrets"))]).toEqual([false, false]);
  });

  test("as a verifier for SCRAM judges a password in the open", async () => {
    const stored = await ScramVerifier.of("secret", { iterations });
    expect(await stored.check(open("secret"))).toBe(true);
    expect(await stored.check(open("secrets"))).toBe(false);
    expect(await stored.check(classic("secret"))).toBe(false);
  });

  test("as scrypt judges a password in the open", async () => {
    const stored = await ScryptHash.of("secret", { ln: 10, p: 1 });
    expect(await stored.check(open("secret"))).toBe(true);
    expect(await stored.check(open("secrets"))).toBe(false);
    expect(await stored.check(classic("secret"))).toBe(false);
  });

  test("is written and read again", async () => {
    const scrypt = await ScryptHash.of("secret", { ln: 10, p: 1 });
    const all = [Md5Digest.of("secret"), await ScramVerifier.of("secret", { iterations }), scrypt];
    const text = all.map((stored) => stored.toText()).join(" ");
    const read = parseStoredPasswords(text) as typeof all;
    expect(read.map((stored) => stored.toText()).join(" ")).toBe(text);
    for (const stored of read) expect(await stored.check(open("secret"))).toBe(true);
  });

  test.each([
    ["{MD5}XUFAKrxLKna5cZ2REBfFkg==", "hello", "MD5, as LDAP keeps it"],
    ["5d41402abc4b2a76b9719d911017c592", "hello", "MD5 in hexadecimal digits"],
    [
      "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
      "password",
      "scrypt, from passlib's documentation",
    ],
    [
      "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
      "pencil",
      "SCRAM, as PostgreSQL keeps it (the keys of RFC 7677's example)",
    ],
    [
      "{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
      "pencil",
      "SCRAM, as Dovecot keeps it",
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

test("nothing of a password, a verifier or a token can be seen by looking", async () => {
  const verifier = await ScramVerifier.of("hush-hush", { iterations });
  const scrypt = await ScryptHash.of("hush-hush", { ln: 4, p: 1 });
  const things = [
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
  for (const thing of things) {
    const seen = [inspect(thing, { depth: 9, showHidden: true }), JSON.stringify(thing)].join("\n");
    for (const secret of secrets) expect(seen).not.toContain(secret);
    expect(seen).not.toMatch(/Uint8Array\((?!16)\d+\)/); // a salt of 16 bytes is told to everybody
  }
});
