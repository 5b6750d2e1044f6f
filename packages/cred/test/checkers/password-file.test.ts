// Tests of FilePasswordDB, also against that of Twisted.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, inject, test, vi } from "vitest";
import { FilePasswordDB, Md5Digest, ScramVerifier, ScryptHash, UnauthorizedLogin, UsernamePassword } from "@pb/cred";
import type { FilePasswordOptions } from "@pb/cred";
import { ChallengedPassword, respond } from "@pb/cred/extension";
import { pythonEnvironment } from "../../../../tools/twisted/twisted.js";
import { errorOf, iterations } from "../support.js";

const challenge = new Uint8Array(16).fill(3);

const db = (text: string | Uint8Array, options?: FilePasswordOptions) =>
  new FilePasswordDB({ read: () => text }, options);

const classic = (name: string, password: string) =>
  new ChallengedPassword(name, challenge, respond(challenge, password));

/** Fields of a file of passwords that a user has damaged: the beginnings of each text, and the text with more bytes. */
const damaged = (field: string) => [...Array.from(field, (_, end) => field.slice(0, end)), `${field}0`, `${field}AAAA`];

/**
 * Files, and the logins to check against them, with the result of Twisted: the avatar id, or null when the login fails.
 */
const rows: {
  format: string;
  text: string;
  options?: FilePasswordOptions;
  logins: [name: string, password: string, avatarId: string | null][];
}[] = [
  {
    format: "a name, a colon and a password on each line",
    text: "alice:secret\nbob:hunter2\n",
    logins: [
      ["alice", "secret", "alice"],
      ["bob", "hunter2", "bob"],
      ["bob", "secret", null],
      ["Alice", "secret", null],
      ["", "", null],
    ],
  },
  {
    format: "more than two fields, in another order",
    text: "1;secret;x;alice\n2;hunter2;y;bob\n3;short\n",
    options: { delim: ";", usernameField: 3, passwordField: 1 },
    logins: [
      ["alice", "secret", "alice"],
      ["bob", "hunter2", "bob"],
      ["short", "short", null],
    ],
  },
  {
    format: "a delimiter of several characters",
    text: "alice::secret\nbob::a:b\n",
    options: { delim: "::" },
    logins: [
      ["alice", "secret", "alice"],
      ["bob", "a:b", "bob"],
    ],
  },
  {
    format: "names that are not case-sensitive",
    text: "Alice:Secret\n",
    options: { caseSensitive: false },
    logins: [
      ["aLICE", "Secret", "alice"],
      ["alice", "secret", null],
    ],
  },
  {
    format: "lines that are empty, too short or repeated, or that end in white space",
    text: "\nnobody\n:\nalice:first\r\nalice:second\nbob:hunter2 \t\n",
    logins: [
      ["alice", "first", "alice"],
      ["alice", "second", null],
      ["bob", "hunter2", "bob"],
      ["nobody", "", null],
      ["nobody", "nobody", null],
    ],
  },
  {
    format: "fields after the password",
    text: "alice:sec:ret\n",
    logins: [
      ["alice", "sec", "alice"],
      ["alice", "sec:ret", null],
    ],
  },
  {
    format: "no line break at the end, and letters that are not ASCII",
    text: "zoë:pässword",
    logins: [
      ["zoë", "pässword", "zoë"],
      ["ZOË", "pässword", null],
    ],
  },
];

describe.each(rows)("a file with $format", ({ text, options, logins }) => {
  test.each(logins)("checks the name %j with the password %j and returns %j", async (name, password, avatarId) => {
    const results = [classic(name, password), new UsernamePassword(name, password)].map((credentials) =>
      db(text, options)
        .requestAvatarId(credentials)
        .catch((error: unknown) => (error instanceof UnauthorizedLogin ? null : error)),
    );
    expect(await Promise.all(results)).toEqual([avatarId, avatarId]);
  });
});

/** Checks the same logins with FilePasswordDB of Twisted. */
const python = `
import json, sys
from hashlib import md5
from twisted.cred import checkers, credentials, error
from twisted.spread import pb
rows, out = json.load(sys.stdin), []
for path, options, logins in rows:
    o = {k: v.encode() if isinstance(v, str) else v for k, v in options.items()}
    db = checkers.FilePasswordDB(path, **o)
    answers = []
    for name, password, _ in logins:
        c = pb._PortalAuthChallenger(None, None, name.encode(), b"3" * 16)
        c.response = pb.respond(b"3" * 16, password.encode())
        got = []
        db.requestAvatarId(c).addCallbacks(lambda u: got.append(u.decode()), lambda f: got.append(f.check(error.UnauthorizedLogin) and None))
        answers.append(got[0])
    out.append(answers)
print(json.dumps(out))
`;

describe.skipIf(inject("twisteds").length === 0)("Twisted", () => {
  test.for(inject("twisteds"))("$version returns the same results", ({ python: interpreter }) => {
    const folder = mkdtempSync(join(tmpdir(), "pb-passwords-"));
    try {
      const input = rows.map(({ text, options = {}, logins }, index) => {
        const path = join(folder, `${index}`);
        writeFileSync(path, text);
        return [path, options, logins];
      });
      const { stdout, stderr } = spawnSync(interpreter, ["-c", python], {
        input: JSON.stringify(input),
        encoding: "utf8",
        env: pythonEnvironment(),
      });
      expect(stderr).toBe("");
      expect(JSON.parse(stdout)).toEqual(rows.map(({ logins }) => logins.map(([, , avatarId]) => avatarId)));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("a file with stored forms of passwords", () => {
  test("uses the form that each login needs", async () => {
    const verifier = await ScramVerifier.of("secret", { iterations });
    const text = `alice:${Md5Digest.of("secret").toText()} ${verifier.toText()}\nbob:${Md5Digest.of("hunter2").toText()}\n`;
    const file = db(text, { stores: ["md5", "scram-sha-256"], iterations });
    expect(file.kinds).toEqual(["IUsernamePassword", "IUsernameMD5Password", "IScramSha256"]);
    expect(await file.requestAvatarId(classic("alice", "secret"))).toBe("alice");
    expect((await file.scramVerifier("alice")).toText()).toBe(verifier.toText());
    // bob has no verifier, so the checker returns a decoy, as for an unknown name.
    expect(await file.scramVerifier("bob")).toMatchObject({ iterations });
    expect((await file.scramVerifier("bob")).salt).toEqual((await file.scramVerifier("bob")).salt);
    expect(await errorOf(file.requestAvatarId(classic("bob", "secret")))).toBeInstanceOf(UnauthorizedLogin);
  });

  test("returns the same salt for every spelling when caseSensitive is false, whether the name exists or not", async () => {
    const verifier = await ScramVerifier.of("secret", { iterations });
    const file = db(`alice:${verifier.toText()}`, { stores: ["scram-sha-256"], caseSensitive: false });
    for (const [one, other] of [
      ["Alice", "aLICE"],
      ["Mallory", "mALLORY"],
    ] as const) {
      expect((await file.scramVerifier(one)).salt).toEqual((await file.scramVerifier(other)).salt);
    }
  });

  test("cannot be combined with plaintext, with a hash function or with an empty delimiter", () => {
    expect(() => db("", { stores: ["plain", "md5"] })).toThrow(TypeError);
    expect(() => db("", { stores: ["md5"], hash: () => "" })).toThrow(TypeError);
    expect(() => db("", { delim: "" })).toThrow(TypeError);
  });
});

describe("a file with a hash function", () => {
  const hash = vi.fn(async (_name: string, password: string | Uint8Array, stored: Uint8Array) =>
    Buffer.from(
      `${String.fromCharCode(stored[0] ?? 0)}${Array.from(password as string)
        .reverse()
        .join("")}`,
    ),
  );
  const file = db("alice:xterces\nbob:y2retnuh\n", { hash });

  test("checks plaintext passwords only", async () => {
    expect(file.kinds).toEqual(["IUsernamePassword"]);
    expect(await file.requestAvatarId(new UsernamePassword("alice", "secret"))).toBe("alice");
    expect(await errorOf(file.requestAvatarId(new UsernamePassword("bob", "secret")))).toBeInstanceOf(
      UnauthorizedLogin,
    );
    expect(await errorOf(file.requestAvatarId(classic("alice", "secret")))).toBeInstanceOf(UnauthorizedLogin);
  });

  test("does the same work for an unknown name, and rejects it", async () => {
    hash.mockClear();
    expect(await errorOf(file.requestAvatarId(new UsernamePassword("mallory", "secret")))).toBeInstanceOf(
      UnauthorizedLogin,
    );
    expect(hash).toHaveBeenCalledTimes(1);
  });
});

describe("the file", () => {
  test("is read once a second when there is no version function, also for many logins at a time", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    try {
      const buffer = Buffer.from("alice:secret");
      const read = vi.fn(async () => buffer);
      const file = new FilePasswordDB({ read });
      const logIn = (password: string) => file.requestAvatarId(classic("alice", password));
      await Promise.all([logIn("secret"), logIn("secret"), logIn("secret")]);
      await logIn("secret");
      expect(read).toHaveBeenCalledTimes(1);
      buffer.write("sesame", "alice:".length); // the file source may reuse its memory
      vi.advanceTimersByTime(1_000);
      expect(await errorOf(logIn("secret"))).toBeInstanceOf(UnauthorizedLogin);
      expect(await logIn("sesame")).toBe("alice");
      expect(read).toHaveBeenCalledTimes(2);
    } finally {
      vi.useRealTimers();
    }
  });

  test("is not parsed again when its bytes have not changed", async () => {
    const decode = vi.spyOn(TextDecoder.prototype, "decode");
    let version = 0;
    const text = Array.from({ length: 1_000 }, (_, index) => `user ${index}:secret\n`).join("");
    const file = new FilePasswordDB({ read: () => text, version: () => version++ });
    for (let login = 0; login < 10; login++) await file.requestAvatarId(classic("user 7", "secret"));
    expect(decode.mock.calls.length).toBeLessThan(2_000); // once for each name, and a few for each login
    decode.mockRestore();
  });

  test("is read again only when the version has changed", async () => {
    let [text, version] = ["alice:secret", 1];
    const read = vi.fn(async () => text);
    const file = new FilePasswordDB({ read, version: async () => version });
    await file.requestAvatarId(classic("alice", "secret"));
    await file.requestAvatarId(classic("alice", "secret"));
    expect(read).toHaveBeenCalledTimes(1);
    [text, version] = ["alice:changed", 2];
    expect(await errorOf(file.requestAvatarId(classic("alice", "secret")))).toBeInstanceOf(UnauthorizedLogin);
    expect(await file.requestAvatarId(classic("alice", "changed"))).toBe("alice");
    expect(read).toHaveBeenCalledTimes(2);
  });

  test("is read again at the next login when reading it failed", async () => {
    let fails = true;
    const read = async () => {
      if (fails) throw new Error("EACCES");
      return "alice:secret";
    };
    const file = new FilePasswordDB({ read, version: () => 1 });
    expect((await errorOf(file.requestAvatarId(classic("alice", "secret")))).message).toBe("EACCES");
    fails = false;
    expect(await file.requestAvatarId(classic("alice", "secret"))).toBe("alice");
  });
});

test("a password field that is empty, truncated or too long admits nobody", async () => {
  const hashed = Md5Digest.of("secret").toText().slice("{MD5}".length);
  const hash = (_: string, password: string | Uint8Array) => Md5Digest.of(password).toText().slice("{MD5}".length);
  for (const field of damaged(hashed)) {
    const file = db(`alice:${field}\nbob:${hashed}\n`, { hash });
    for (const password of ["secret", "", field]) {
      expect(await errorOf(file.requestAvatarId(new UsernamePassword("alice", password)))).toBeInstanceOf(
        UnauthorizedLogin,
      );
    }
    expect(await file.requestAvatarId(new UsernamePassword("bob", "secret"))).toBe("bob");
  }
});

test("a stored form that is truncated admits nobody", async () => {
  const scrypt = await ScryptHash.of("secret", { ln: 1, r: 1, p: 1 });
  for (const [form, ends] of [
    [Md5Digest.of("secret").toText(), damaged],
    [(await ScramVerifier.of("secret", { iterations })).toText(), damaged],
    // The hash may have any length: even a part of it that is long enough proves the password.
    [scrypt.toText(), (text: string) => damaged(text).filter((part) => part.length < text.lastIndexOf("$") + 1 + 22)],
  ] as const) {
    for (const field of ends(form)) {
      const file = db(`alice:${field}\n`, { stores: ["md5", "scram-sha-256", "scrypt"], iterations });
      for (const password of ["secret", ""]) {
        expect(await errorOf(file.requestAvatarId(new UsernamePassword("alice", password)))).toBeInstanceOf(
          UnauthorizedLogin,
        );
      }
    }
  }
});

test("the fingerprint of a password of 300 kB is its text", async () => {
  const password = "x".repeat(300_000);
  const checker = db(`ann:${password}\n`);
  expect((await checker.fingerprint("ann")) === password).toBe(true);
});
