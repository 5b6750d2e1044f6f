// Tests of users that are kept in memory.

import { expect, test, vi } from "vitest";
import { InMemoryUsernamePasswordChecker, Md5Digest, UnauthorizedLogin, UsernamePassword } from "@pb/cred";
import { errorOf, iterations } from "../support.js";

test("addUser adds a user, and replaces its password", async () => {
  const checker = new InMemoryUsernamePasswordChecker({}, { iterations });
  const check = (password: string) => checker.requestAvatarId(new UsernamePassword("carol", password));
  expect(await errorOf(check("first"))).toBeInstanceOf(UnauthorizedLogin);
  checker.addUser("carol", "first");
  expect(await check("first")).toBe("carol");
  checker.addUser("carol", Md5Digest.of("second"));
  expect(await check("second")).toBe("carol");
  expect(await errorOf(check("first"))).toBeInstanceOf(UnauthorizedLogin);
});

test("a user that is added after a SCRAM login gets a verifier of its own", async () => {
  const checker = new InMemoryUsernamePasswordChecker({ alice: "secret" }, { iterations });
  await checker.scramVerifier("alice");
  checker.addUser("carol", "first");
  const verifier = await checker.scramVerifier("carol");
  expect(await verifier.check(new UsernamePassword("carol", "first"))).toBe(true);
});

test("derives the verifiers when the users are added, not at a login", async () => {
  const derive = vi.spyOn(crypto.subtle, "deriveBits");
  try {
    const checker = new InMemoryUsernamePasswordChecker({ alice: "1", bob: "2", carol: "3" }, { iterations });
    await vi.waitFor(() => expect(derive).toHaveBeenCalledTimes(3), { timeout: 120_000 });
    for (const name of ["alice", "bob", "mallory"]) await checker.scramVerifier(name);
    expect(derive).toHaveBeenCalledTimes(3);
    checker.addUser("alice", "4");
    checker.addUser("alice", "5");
    expect(await (await checker.scramVerifier("alice")).check(new UsernamePassword("alice", "5"))).toBe(true);
    expect(derive).toHaveBeenCalledTimes(5); // one for the last password, and one for its check
  } finally {
    derive.mockRestore();
  }
});

test("reports at a login that a verifier could not be derived", async () => {
  const derive = vi.spyOn(crypto.subtle, "deriveBits").mockRejectedValue(new Error("no memory"));
  try {
    const checker = new InMemoryUsernamePasswordChecker({ alice: "secret" }, { iterations });
    expect((await errorOf(checker.scramVerifier("mallory"))).message).toBe("no memory");
  } finally {
    derive.mockRestore();
  }
});
