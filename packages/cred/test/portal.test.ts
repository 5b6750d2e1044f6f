// Tests of the portal when a program calls it directly.

import { describe, expect, test } from "vitest";
import {
  AllowAnonymousAccess,
  Anonymous,
  ANONYMOUS,
  BearerToken,
  BearerTokenChecker,
  IPerspective,
  NotImplementedError,
  Portal,
  UnauthorizedLogin,
  UnhandledCredentials,
  UsernamePassword,
} from "@pb/cred";
import type { CheckerEvent } from "@pb/cred";
import type { Credentials } from "@pb/cred/extension";
import { alice, errorOf, RecordingRealm, users, wrongPassword } from "./support.js";

describe("a portal", () => {
  test("asks the realm for an avatar when a checker has accepted the credentials", async () => {
    const realm = new RecordingRealm();
    const portal = new Portal(realm, [users()]);
    const { avatar, logout } = await portal.login(alice, null, IPerspective);
    expect(avatar).toMatchObject({ name: "alice" });
    expect(realm.requests).toEqual([["alice", null, [IPerspective]]]);
    await logout?.();
    expect(realm.loggedOut).toEqual(["alice"]);
  });

  test("gives the same result each time, and keeps nothing of a login", async () => {
    const realm = new RecordingRealm();
    const portal = new Portal(realm, [users()]);
    const { kinds } = portal;
    for (let round = 1; round <= 3; round++) {
      const logins = [await portal.login(alice, null), await portal.login(alice, null)];
      expect(realm.loggedIn).toEqual(["alice", "alice"]);
      for (const { logout } of logins) await logout?.();
      expect([realm.loggedIn, realm.loggedOut.splice(0)]).toEqual([[], ["alice", "alice"]]);
      expect(await errorOf(portal.login(wrongPassword, null))).toBeInstanceOf(UnauthorizedLogin);
      expect(await errorOf(portal.login(new Anonymous(), null))).toBeInstanceOf(UnhandledCredentials);
      expect(realm.requests).toHaveLength(2 * round);
      portal.registerChecker(users());
      expect(portal.kinds).toEqual(kinds);
    }
  });

  test.each([[{}], [null], ["alice"], [{ kinds: ["IAnonymous"] }]])("refuses %o as a checker", (checker) => {
    const text = "A checker of a portal must be an object with a method requestAvatarId";
    expect(() => new Portal(new RecordingRealm(), [checker as never])).toThrow(new TypeError(text));
  });

  test("passes the requested interfaces to the realm, and its error to the caller", async () => {
    const realm = {
      requestAvatar(_id: unknown, _mind: unknown, ...interfaces: string[]): never {
        throw new NotImplementedError(`No avatar for ${interfaces.join(", ")}`);
      },
    };
    const error = await errorOf(new Portal(realm, [users()]).login(alice, null, "IMail", "IChat"));
    expect(error).toBeInstanceOf(NotImplementedError);
    expect(error.message).toBe("No avatar for IMail, IChat");
  });

  test("does not ask the realm when the credentials are wrong", async () => {
    const realm = new RecordingRealm();
    const portal = new Portal(realm, [users()]);
    expect(await errorOf(portal.login(new UsernamePassword("alice", "wrong"), null))).toBeInstanceOf(UnauthorizedLogin);
    expect(await errorOf(portal.login(new UsernamePassword("mallory", "x"), null))).toBeInstanceOf(UnauthorizedLogin);
    expect(realm.requests).toEqual([]);
  });

  test("uses the checker that was added last for a kind of credentials", async () => {
    const portal = new Portal(new RecordingRealm(), [
      new BearerTokenChecker(() => "first"),
      new AllowAnonymousAccess(),
      new BearerTokenChecker((token) => (token === "t" ? "last" : undefined)),
    ]);
    expect(portal.kinds).toEqual(["IBearerToken", "IAnonymous"]);
    expect(await portal.requestAvatarId(new BearerToken("t"))).toBe("last");
    expect(await portal.requestAvatarId(new Anonymous())).toBe(ANONYMOUS);
    expect(await errorOf(portal.requestAvatarId(new BearerToken("u")))).toBeInstanceOf(UnauthorizedLogin);
  });

  test("uses a checker only for the kinds for which it is registered", async () => {
    const portal = new Portal(new RecordingRealm());
    portal.registerChecker(users(), "IUsernameMD5Password");
    expect(portal.kinds).toEqual(["IUsernameMD5Password"]);
    expect(await errorOf(portal.requestAvatarId(alice))).toBeInstanceOf(UnhandledCredentials);
  });

  test("hears each event of a checker once, however often it was registered, and survives its own watcher", () => {
    const reports: ((event: CheckerEvent) => void)[] = [];
    const checker = {
      kinds: ["IUsernamePassword", "IAnonymous"] as const,
      requestAvatarId: () => Promise.resolve("alice"),
      watch(report: (event: CheckerEvent) => void) {
        reports.push(report);
        return { [Symbol.dispose]: () => undefined };
      },
    };
    const events: unknown[] = [];
    const onEvent = (event: unknown): never => {
      events.push(event);
      throw new Error("of the watcher");
    };
    const portal = new Portal(new RecordingRealm(), [checker, checker], { onEvent });
    portal.registerChecker(checker, "IAnonymous");
    const event: CheckerEvent = { kind: "password-file", lines: [], omitted: 0 };
    for (const report of reports) report(event);
    expect(events).toEqual([event]);
  });

  test("names credentials without a checker as Twisted does", async () => {
    const portal = new Portal(new RecordingRealm());
    const messageFor = async (credentials: Credentials) => (await errorOf(portal.login(credentials, null))).message;
    expect(await messageFor(new Anonymous())).toBe("No checker for twisted.cred.credentials.IAnonymous");
    expect(await messageFor(alice)).toBe("No checker for twisted.cred.credentials.IUsernamePassword");
    expect(await messageFor({ kinds: ["IRetinaScan"] })).toBe("No checker for IRetinaScan");
  });

  test("accepts kinds of credentials that the program defines", async () => {
    const retina = { kinds: ["IRetinaScan"], pattern: 7 };
    const scanner = { kinds: ["IRetinaScan"], requestAvatarId: async () => "alice" };
    expect(await new Portal(new RecordingRealm(), [scanner]).login(retina, null)).toMatchObject({
      avatar: { name: "alice" },
    });
  });
});
