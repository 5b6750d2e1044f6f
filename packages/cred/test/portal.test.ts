import { describe, expect, test } from "vitest";
import { describeError } from "@pb/broker";
import {
  AllowAnonymousAccess,
  Anonymous,
  ANONYMOUS,
  BearerToken,
  BearerTokenChecker,
  FunctionChecker,
  IPerspective,
  LoginDenied,
  LoginFailed,
  Md5Digest,
  NotImplementedError,
  PasswordChecker,
  Portal,
  ScryptHash,
  UnauthorizedLogin,
  UnhandledCredentials,
  UsernamePassword,
} from "@pb/cred";
import type { Credentials } from "@pb/cred/extension";
import { errorOf, House, users } from "./support.js";

const alice = new UsernamePassword("alice", "secret");

describe("a portal", () => {
  test("asks the realm for whom a checker vouches for", async () => {
    const house = new House();
    const portal = new Portal(house, [users()]);
    const { avatar, logout } = await portal.login(alice, null, IPerspective);
    expect(avatar).toMatchObject({ name: "alice" });
    expect(house.asked).toEqual([["alice", null, [IPerspective]]]);
    await logout?.();
    expect(house.loggedOut).toEqual(["alice"]);
  });

  test("passes on every interface that is asked for, and what the realm says to it", async () => {
    const realm = {
      requestAvatar(_id: unknown, _mind: unknown, ...interfaces: string[]): never {
        throw new NotImplementedError(`No avatar for ${interfaces.join(", ")}`);
      },
    };
    const error = await errorOf(new Portal(realm, [users()]).login(alice, null, "IMail", "IChat"));
    expect(error).toBeInstanceOf(NotImplementedError);
    expect(error.message).toBe("No avatar for IMail, IChat");
  });

  test("does not ask the realm when the credentials are no good", async () => {
    const house = new House();
    const portal = new Portal(house, [users()]);
    expect(await errorOf(portal.login(new UsernamePassword("alice", "wrong"), null))).toBeInstanceOf(UnauthorizedLogin);
    expect(await errorOf(portal.login(new UsernamePassword("mallory", "x"), null))).toBeInstanceOf(UnauthorizedLogin);
    expect(house.asked).toEqual([]);
  });

  test("has a checker for each kind of credentials, the last one added", async () => {
    const portal = new Portal(new House(), [
      new BearerTokenChecker(() => "first"),
      new AllowAnonymousAccess(),
      new BearerTokenChecker((token) => (token === "t" ? "last" : undefined)),
    ]);
    expect(portal.kinds).toEqual(["IBearerToken", "IAnonymous"]);
    expect(await portal.requestAvatarId(new BearerToken("t"))).toBe("last");
    expect(await portal.requestAvatarId(new Anonymous())).toBe(ANONYMOUS);
    expect(await errorOf(portal.requestAvatarId(new BearerToken("u")))).toBeInstanceOf(UnauthorizedLogin);
  });

  test("gives a checker only the kinds it is registered for", async () => {
    const portal = new Portal(new House());
    portal.registerChecker(users(), "IUsernameMD5Password");
    expect(portal.kinds).toEqual(["IUsernameMD5Password"]);
    expect(await errorOf(portal.requestAvatarId(alice))).toBeInstanceOf(UnhandledCredentials);
  });

  test("names the credentials that nobody checks as Twisted does", async () => {
    const portal = new Portal(new House());
    const says = async (credentials: Credentials) => (await errorOf(portal.login(credentials, null))).message;
    expect(await says(new Anonymous())).toBe("No checker for twisted.cred.credentials.IAnonymous");
    expect(await says(alice)).toBe("No checker for twisted.cred.credentials.IUsernamePassword");
    expect(await says({ kinds: ["IRetinaScan"] })).toBe("No checker for IRetinaScan");
  });

  test("takes kinds of credentials that a program makes up", async () => {
    const retina = { kinds: ["IRetinaScan"], pattern: 7 };
    const scanner = { kinds: ["IRetinaScan"], requestAvatarId: async () => "alice" };
    expect(await new Portal(new House(), [scanner]).login(retina, null)).toMatchObject({ avatar: { name: "alice" } });
  });
});

describe("a function", () => {
  test("checks credentials of the kind it is for", async () => {
    const checker = new FunctionChecker("IUsernamePassword", ({ username, password }) =>
      username === "alice" && password === "secret" ? "Alice" : undefined,
    );
    expect(await checker.requestAvatarId(alice)).toBe("Alice");
    expect(await errorOf(checker.requestAvatarId(new UsernamePassword("alice", "x")))).toBeInstanceOf(
      UnauthorizedLogin,
    );
  });

  test("finds what is kept of a password", async () => {
    const rows: Record<string, string> = { alice: Md5Digest.of("secret").toText(), bob: "nonsense" };
    const kept = await ScryptHash.of("correct horse", { ln: 10, p: 1 });
    const checker = new PasswordChecker({
      stores: ["md5", "scrypt"],
      find: async (username) =>
        username === "carol" ? kept : username in rows ? Md5Digest.parse(rows[username]!) : undefined,
      canonical: (username) => username.trim(),
    });
    const ask = (name: string, password: string) => checker.requestAvatarId(new UsernamePassword(name, password));
    expect(await ask(" alice ", "secret")).toBe("alice");
    expect(await ask("carol", "correct horse")).toBe("carol");
    for (const [name, password] of [
      ["alice", "x"],
      ["bob", "nonsense"],
      ["carol", "x"],
      ["dave", ""],
    ]) {
      expect(await errorOf(ask(name!, password!))).toBeInstanceOf(UnauthorizedLogin);
    }
  });
});

test.each<[Error, string[]]>([
  [
    new UnauthorizedLogin(),
    ["twisted.cred.error.UnauthorizedLogin", "twisted.cred.error.LoginFailed", "twisted.cred.error.Unauthorized"],
  ],
  [new LoginDenied("x"), ["twisted.cred.error.LoginDenied", "twisted.cred.error.LoginFailed"]],
  [new UnhandledCredentials("x"), ["twisted.cred.error.UnhandledCredentials", "twisted.cred.error.LoginFailed"]],
  [new LoginFailed("x"), ["twisted.cred.error.LoginFailed"]],
  [new NotImplementedError("x"), ["builtins.NotImplementedError", "builtins.RuntimeError"]],
])("%s travels under the names that a Twisted peer traps", (error, names) => {
  expect(describeError(error).parents).toEqual([
    ...names,
    "builtins.Exception",
    "builtins.BaseException",
    "builtins.object",
  ]);
});
