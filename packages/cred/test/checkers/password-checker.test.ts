// Tests of checkers that call a function of the application.

import { describe, expect, test } from "vitest";
import { FunctionChecker, Md5Digest, PasswordChecker, ScryptHash, UnauthorizedLogin, UsernamePassword } from "@pb/cred";
import { alice, errorOf } from "../support.js";

describe("FunctionChecker", () => {
  test("returns the avatar id from its function, and rejects credentials for which it returns undefined", async () => {
    const checker = new FunctionChecker("IUsernamePassword", ({ username, password }) =>
      username === "alice" && password === "secret" ? "Alice" : undefined,
    );
    expect(await checker.requestAvatarId(alice)).toBe("Alice");
    expect(await errorOf(checker.requestAvatarId(new UsernamePassword("alice", "x")))).toBeInstanceOf(
      UnauthorizedLogin,
    );
  });

  test("checks passwords against the stored forms that its function finds", async () => {
    const rows: Record<string, string> = { alice: Md5Digest.of("secret").toText(), bob: "not a digest" };
    const hash = await ScryptHash.of("correct horse", { ln: 10, p: 1 });
    const checker = new PasswordChecker({
      stores: ["md5", "scrypt"],
      find: async (username) =>
        username === "carol" ? hash : username in rows ? Md5Digest.parse(rows[username]!) : undefined,
      canonical: (username) => username.trim(),
    });
    const check = (name: string, password: string) => checker.requestAvatarId(new UsernamePassword(name, password));
    expect(await check(" alice ", "secret")).toBe("alice");
    expect(await check("carol", "correct horse")).toBe("carol");
    for (const [name, password] of [
      ["alice", "x"],
      ["bob", "not a digest"],
      ["carol", "x"],
      ["dave", ""],
    ]) {
      expect(await errorOf(check(name!, password!))).toBeInstanceOf(UnauthorizedLogin);
    }
  });
});
