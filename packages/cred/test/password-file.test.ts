import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, inject, test, vi } from "vitest";
import { FilePasswordDB, Md5Digest, ScramVerifier, UnauthorizedLogin, UsernamePassword } from "@pb/cred";
import { ChallengedPassword, respond } from "@pb/cred/extension";
import type { FilePasswordOptions } from "@pb/cred";
import { pythonEnvironment } from "../../../tools/twisted/twisted.js";
import { errorOf, iterations } from "./support.js";

const challenge = new Uint8Array(16).fill(3);
const db = (text: string | Uint8Array, options?: FilePasswordOptions) =>
  new FilePasswordDB({ read: () => text }, options);
const classic = (name: string, password: string) =>
  new ChallengedPassword(name, challenge, respond(challenge, password));

/** Formats and questions, with Twisted's answers: the avatar id, or null. */
const rows: {
  what: string;
  text: string;
  options?: FilePasswordOptions;
  ask: [name: string, password: string, answer: string | null][];
}[] = [
  {
    what: "a name, a colon and a password",
    text: "alice:secret\nbob:hunter2\n",
    ask: [
      ["alice", "secret", "alice"],
      ["bob", "hunter2", "bob"],
      ["bob", "secret", null],
      ["Alice", "secret", null],
      ["", "", null],
    ],
  },
  {
    what: "more fields than two, in another order",
    text: "1;secret;x;alice\n2;hunter2;y;bob\n3;short\n",
    options: { delim: ";", usernameField: 3, passwordField: 1 },
    ask: [
      ["alice", "secret", "alice"],
      ["bob", "hunter2", "bob"],
      ["short", "short", null],
    ],
  },
  {
    what: "a delimiter of several characters",
    text: "alice::secret\nbob::a:b\n",
    options: { delim: "::" },
    ask: [
      ["alice", "secret", "alice"],
      ["bob", "a:b", "bob"],
    ],
  },
  {
    what: "names whose case does not matter",
    text: "Alice:Secret\n",
    options: { caseSensitive: false },
    ask: [
      ["aLICE", "Secret", "alice"],
      ["alice", "secret", null],
    ],
  },
  {
    what: "lines that are empty, too short, twice there, or end in blanks and carriage returns",
    text: "\nnobody\n:\nalice:first\r\nalice:second\nbob:hunter2 \t\n",
    ask: [
      ["alice", "first", "alice"],
      ["alice", "second", null],
      ["bob", "hunter2", "bob"],
      ["nobody", "", null],
      ["nobody", "nobody", null],
    ],
  },
  {
    what: "fields behind the password, and colons that are fields too",
    text: "alice:sec:ret\n",
    ask: [
      ["alice", "sec", "alice"],
      ["alice", "sec:ret", null],
    ],
  },
  {
    what: "no line end at the end, and letters that are not ASCII",
    text: "zoë:pässword",
    ask: [
      ["zoë", "pässword", "zoë"],
      ["ZOË", "pässword", null],
    ],
  },
];

describe.each(rows)("a file with $what", ({ text, options, ask }) => {
  test.each(ask)("answers %j with %j by %j", async (name, password, answer) => {
    const results = [classic(name, password), new UsernamePassword(name, password)].map((credentials) =>
      db(text, options)
        .requestAvatarId(credentials)
        .catch((error: unknown) => (error instanceof UnauthorizedLogin ? null : error)),
    );
    expect(await Promise.all(results)).toEqual([answer, answer]);
  });
});

/** Asks FilePasswordDB of Twisted the questions above. */
const python = `
import json, sys
from hashlib import md5
from twisted.cred import checkers, credentials, error
from twisted.spread import pb
rows, out = json.load(sys.stdin), []
for path, options, ask in rows:
    o = {k: v.encode() if isinstance(v, str) else v for k, v in options.items()}
    db = checkers.FilePasswordDB(path, **o)
    answers = []
    for name, password, _ in ask:
        c = pb._PortalAuthChallenger(None, None, name.encode(), b"3" * 16)
        c.response = pb.respond(b"3" * 16, password.encode())
        got = []
        db.requestAvatarId(c).addCallbacks(lambda u: got.append(u.decode()), lambda f: got.append(f.check(error.UnauthorizedLogin) and None))
        answers.append(got[0])
    out.append(answers)
print(json.dumps(out))
`;

describe.skipIf(inject("twisteds").length === 0)("Twisted", () => {
  test.for(inject("twisteds"))("$version answers all of that in the same way", ({ python: interpreter }) => {
    const folder = mkdtempSync(join(tmpdir(), "pb-passwords-"));
    try {
      const input = rows.map(({ text, options = {}, ask }, index) => {
        const path = join(folder, `${index}`);
        writeFileSync(path, text);
        return [path, options, ask];
      });
      const { stdout, stderr } = spawnSync(interpreter, ["-c", python], {
        input: JSON.stringify(input),
        encoding: "utf8",
        env: pythonEnvironment(),
      });
      expect(stderr).toBe("");
      expect(JSON.parse(stdout)).toEqual(rows.map(({ ask }) => ask.map(([, , answer]) => answer)));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("a file with what is kept of passwords", () => {
  test("serves each login from its own form", async () => {
    const verifier = await ScramVerifier.of("secret", { iterations });
    const text = `alice:${Md5Digest.of("secret").toText()} ${verifier.toText()}\nbob:${Md5Digest.of("hunter2").toText()}\n`;
    const file = db(text, { stores: ["md5", "scram-sha-256"], iterations });
    expect(file.kinds).toEqual(["IUsernamePassword", "IUsernameMD5Password", "IScramSha256"]);
    expect(await file.requestAvatarId(classic("alice", "secret"))).toBe("alice");
    expect((await file.scramVerifier("alice")).toText()).toBe(verifier.toText());
    // bob has none: what he is asked for is as good as what nobody is asked for
    expect(await file.scramVerifier("bob")).toMatchObject({ iterations });
    expect((await file.scramVerifier("bob")).salt).toEqual((await file.scramVerifier("bob")).salt);
    expect(await errorOf(file.requestAvatarId(classic("bob", "secret")))).toBeInstanceOf(UnauthorizedLogin);
  });

  test("has the same salt for every spelling of a name whose case does not matter, whether it exists or not", async () => {
    const verifier = await ScramVerifier.of("secret", { iterations });
    const file = db(`alice:${verifier.toText()}`, { stores: ["scram-sha-256"], caseSensitive: false });
    for (const [one, other] of [
      ["Alice", "aLICE"],
      ["Mallory", "mALLORY"],
    ] as const) {
      expect((await file.scramVerifier(one)).salt).toEqual((await file.scramVerifier(other)).salt);
    }
  });

  test("is told apart from one with passwords", () => {
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

  test("takes passwords in the open only", async () => {
    expect(file.kinds).toEqual(["IUsernamePassword"]);
    expect(await file.requestAvatarId(new UsernamePassword("alice", "secret"))).toBe("alice");
    expect(await errorOf(file.requestAvatarId(new UsernamePassword("bob", "secret")))).toBeInstanceOf(
      UnauthorizedLogin,
    );
    expect(await errorOf(file.requestAvatarId(classic("alice", "secret")))).toBeInstanceOf(UnauthorizedLogin);
  });

  test("does the same work for a name that nobody has, and never lets it in", async () => {
    hash.mockClear();
    expect(await errorOf(file.requestAvatarId(new UsernamePassword("mallory", "secret")))).toBeInstanceOf(
      UnauthorizedLogin,
    );
    expect(hash).toHaveBeenCalledTimes(1);
  });
});

describe("a file", () => {
  test("without a version is read for each login", async () => {
    const read = vi.fn(() => Buffer.from("alice:secret"));
    const file = new FilePasswordDB({ read });
    await file.requestAvatarId(classic("alice", "secret"));
    await file.requestAvatarId(classic("alice", "secret"));
    expect(read).toHaveBeenCalledTimes(2);
  });

  test("with a version is read again when that has changed", async () => {
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

  test("that cannot be read is a fault, and is tried again", async () => {
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
