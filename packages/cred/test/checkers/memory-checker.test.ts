// Tests of users that are kept in memory.

import { expect, test } from "vitest";
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
