// Tests of login(): its results and errors.

import { describe, expect, test, vi } from "vitest";
import { CallTimeoutError, PBError, Referenceable, RemoteError, RemoteReference, Viewable } from "@pb/broker";
import {
  AllowAnonymousAccess,
  Anonymous,
  ANONYMOUS,
  BearerToken,
  BearerTokenChecker,
  IPerspective,
  login,
  LoginDenied,
  Md5Digest,
  NotImplementedError,
  PasswordChecker,
  UnauthorizedLogin,
  UnhandledCredentials,
  UsernamePassword,
} from "@pb/cred";
import type { Broker } from "@pb/broker";
import type { Login, Mind } from "@pb/cred";
import {
  alice,
  bob,
  classicUsers,
  connectedBrokers,
  deliverPending,
  errorOf,
  LoginFixture,
  NamedAvatar,
  RecordingMind,
  RecordingRealm,
  users,
} from "./support.js";

describe("a login", () => {
  test("with a name and a password returns the avatar of the user", async () => {
    const fixture = new LoginFixture();
    const { client } = fixture.connect();
    const avatar = await login<NamedAvatar>(client, alice);
    expect(await avatar.callRemote("whoami")).toBe("alice");
    expect(fixture.realm.requests).toEqual([["alice", null, [IPerspective]]]);
    expect(fixture.mechanisms).toEqual(["scram-sha-256"]);
  });

  test("accepts a name and a password as bytes", async () => {
    const { client } = new LoginFixture().connect();
    const avatar = await login<NamedAvatar>(client, new UsernamePassword(Buffer.from("alice"), Buffer.from("secret")));
    expect(await avatar.callRemote("whoami")).toBe("alice");
  });

  test("that is anonymous needs a checker for anonymous logins", async () => {
    const fixture = new LoginFixture([new AllowAnonymousAccess()]);
    const avatar = await login<NamedAvatar>(fixture.connect().client, new Anonymous());
    expect(await avatar.callRemote("whoami")).toBe("anonymous");
    expect(fixture.realm.requests[0]![0]).toBe(ANONYMOUS);
    const error = await errorOf(login(new LoginFixture().connect().client, new Anonymous()));
    expect(error).toBeInstanceOf(UnhandledCredentials);
    expect(error.message).toBe("No checker for twisted.cred.credentials.IAnonymous");
  });

  test("of each kind works where methods must be declared, and the methods of the avatar must be", async () => {
    const checker = new BearerTokenChecker((token) => (token === "token" ? "alice" : undefined));
    const kinds = [
      { checkers: [users()], credentials: alice },
      { checkers: [classicUsers()], credentials: alice },
      { checkers: [new AllowAnonymousAccess()], credentials: new Anonymous() },
      { checkers: [checker], credentials: new BearerToken("token") },
    ];
    for (const { checkers, credentials } of kinds) {
      const fixture = new LoginFixture(checkers);
      const { client } = connectedBrokers({ root: fixture.portal, validate: "required" });
      const avatar = await login<NamedAvatar>(client, credentials);
      await expect(avatar.callRemote("whoami")).rejects.toMatchObject({ remoteType: "builtins.AttributeError" });
      expect(fixture.realm.loggedIn).toHaveLength(1);
    }
  });

  test("needs credentials with which a client can log in", async () => {
    const { client } = new LoginFixture().connect();
    for (const credentials of [undefined, null, "alice", {}, { username: "alice", password: "secret" }])
      await expect(login(client, credentials as never)).rejects.toThrow(
        new TypeError("The credentials must be a UsernamePassword, a BearerToken or Anonymous"),
      );
    expect(await login(client, alice)).toBeInstanceOf(RemoteReference);
  });

  test("with a wrong password or an unknown name fails with the same error, and can be repeated", async () => {
    const { client } = new LoginFixture().connect();
    const errors = [
      await errorOf(login(client, new UsernamePassword("alice", "wrong"))),
      await errorOf(login(client, new UsernamePassword("mallory", "secret"))),
    ];
    for (const error of errors) {
      expect(error).toBeInstanceOf(UnauthorizedLogin);
      expect(error).toMatchObject({ code: "LOGIN_UNAUTHORIZED", message: "The name or the password is wrong" });
      expect(error.cause).toBeInstanceOf(RemoteError);
      expect(error.cause.message).toBe("");
    }
    expect(await (await login<NamedAvatar>(client, alice)).callRemote("whoami")).toBe("alice");
  });

  test("passes the realm a mind that the avatar can call", async () => {
    const fixture = new LoginFixture();
    const { client } = fixture.connect();
    const mind = new RecordingMind();
    const avatar = await login<NamedAvatar>(client, alice, mind);
    expect(await avatar.callRemote("askMind", 41)).toBe(42);
    expect(mind.pings).toEqual([41]);
    expect(fixture.realm.requests[0]![1]).toBeInstanceOf(RemoteReference);
  });

  test("passes the realm a mind that is dead when the connection has ended", async () => {
    const fixture = new LoginFixture();
    const { client } = fixture.connect();
    await login(client, alice, new RecordingMind());
    const mind = fixture.realm.requests[0]![1]!;
    await client.close();
    await deliverPending();
    expect(mind.isAlive).toBe(false);
  });

  test("can be repeated on one connection, and each has its own avatar", async () => {
    const fixture = new LoginFixture([users(), new AllowAnonymousAccess()]);
    const { client } = fixture.connect();
    const all = await Promise.all([
      login<NamedAvatar>(client, alice),
      login<NamedAvatar>(client, bob),
      login<NamedAvatar>(client, new Anonymous()),
      login<NamedAvatar>(client, alice),
    ]);
    expect(await Promise.all(all.map((avatar) => avatar.callRemote("whoami")))).toEqual([
      "alice",
      "bob",
      "anonymous",
      "alice",
    ]);
    expect(new Set(all.map(({ id }) => id)).size).toBe(4);
    expect(fixture.realm.loggedIn.sort()).toEqual(["alice", "alice", "anonymous", "bob"]);
  });

  test("can return any Referenceable, which arrives as itself when the client sends it back", async () => {
    class Echo extends Referenceable {
      remote_isMe(object: unknown) {
        return object === this;
      }
    }
    const realm = new (class extends RecordingRealm {
      override requestAvatar = () => ({ avatar: new Echo() });
    })();
    const avatar = await login<Echo>(new LoginFixture([users()], {}, realm).connect().client, alice);
    expect(await avatar.callRemote("isMe", avatar)).toBe(true);
  });

  test("determines the perspective of the Viewables that the avatar returns", async () => {
    class Board extends Viewable {
      view_who(person: NamedAvatar) {
        return person.name;
      }
    }
    const board = new Board();
    class Reader extends NamedAvatar {
      perspective_board() {
        return board;
      }
    }
    const realm = new (class extends RecordingRealm {
      override requestAvatar = (id: unknown, mind: Mind) => ({ avatar: new Reader(id as string, mind) });
    })();
    const { client } = new LoginFixture([users()], {}, realm).connect();
    const [a, b] = await Promise.all([login<Reader>(client, alice), login<Reader>(client, bob)]);
    const boards = [await a.callRemote("board"), await b.callRemote("board")];
    expect(await Promise.all(boards.map((one) => one.callRemote("who")))).toEqual(["alice", "bob"]);
  });

  test.each([
    [new LoginDenied("Not on Sundays"), LoginDenied, "Not on Sundays"],
    [new NotImplementedError("No avatar for IPerspective"), NotImplementedError, "No avatar for IPerspective"],
    [new PBError("The realm failed"), RemoteError, "The realm failed"],
  ])("fails with the error that the realm throws: %s", async (thrown, type, message) => {
    for (const answer of [
      () => {
        throw thrown;
      },
      () => Promise.reject(thrown),
    ]) {
      const realm = new (class extends RecordingRealm {
        override requestAvatar = answer;
      })();
      const fixture = new LoginFixture([users()], {}, realm);
      const error = await errorOf(login(fixture.connect().client, alice));
      expect(error).toBeInstanceOf(type);
      expect(error.message).toBe(message);
      expect(fixture.brokerEvents).toEqual([]);
      expect(fixture.events).toMatchObject([{ kind: "login-failed", username: "alice", error: thrown }]);
    }
  });

  test("waits for checkers and realms that are asynchronous", async () => {
    const slow = <T>(value: T) => new Promise<T>((resolve) => setTimeout(() => resolve(value), 5));
    const realm = new (class extends RecordingRealm {
      override requestAvatar(...args: Parameters<RecordingRealm["requestAvatar"]>) {
        return slow(super.requestAvatar(...args)) as Promise<Login>;
      }
    })();
    const checker = new PasswordChecker({ stores: ["md5"], find: () => slow(Md5Digest.of("secret")) });
    const avatar = await login<NamedAvatar>(new LoginFixture([checker], {}, realm).connect().client, alice);
    expect(await avatar.callRemote("whoami")).toBe("alice");
  });

  test("rejects when its signal aborts or its timeout expires, and releases an avatar that arrives later", async () => {
    let open!: (login: Login) => void;
    const realm = new (class extends RecordingRealm {
      override requestAvatar = () => new Promise<Login>((resolve) => (open = resolve));
    })();
    const fixture = new LoginFixture([users()], {}, realm);
    const { client, server } = fixture.connect();
    const early = new AbortController();
    const tooLate = errorOf(login(client, alice, null, { signal: early.signal }));
    await vi.waitFor(() => expect(open).toBeDefined(), { timeout: 120_000 });
    early.abort(new Error("too late"));
    expect((await tooLate).message).toBe("too late");
    const logout = vi.fn();
    open({ avatar: new NamedAvatar("alice", null), logout });
    await deliverPending();
    expect(logout).toHaveBeenCalledTimes(1);
    const controller = new AbortController();
    const waiting = errorOf(login(client, bob, null, { signal: controller.signal }));
    controller.abort(new Error("changed my mind"));
    expect((await waiting).message).toBe("changed my mind");
    expect((await errorOf(login(client, bob, null, { signal: controller.signal }))).message).toBe("changed my mind");
    await deliverPending();
    expect(server.stats()).toMatchObject({ referencesGiven: 0 });
    expect(await errorOf(login(client, bob, null, { timeoutMs: 20 }))).toBeInstanceOf(CallTimeoutError);
  });

  test("rejects when its signal aborts in the turn in which the avatar arrives, and releases the avatar", async () => {
    const { client } = new LoginFixture([new AllowAnonymousAccess()]).connect();
    const avatar = await login(client, new Anonymous());
    let answer!: (avatar: unknown) => void;
    const callRemote = () => new Promise((resolve) => (answer = resolve));
    const duringLogin = client.duringLogin.bind(client);
    const connection = { getRootObject: async () => ({ callRemote }), duringLogin } as unknown as Broker;
    const controller = new AbortController();
    const reason = new Error("stopped");
    const failure = errorOf(login(connection, new Anonymous(), null, { signal: controller.signal }));
    await deliverPending();
    answer(avatar);
    controller.abort(reason);
    expect(await failure).toBe(reason);
    expect(avatar.isAlive).toBe(false);
  });

  test("waits without a limit when its timeout is Infinity", async () => {
    const realm = new (class extends RecordingRealm {
      override async requestAvatar(...args: Parameters<RecordingRealm["requestAvatar"]>): Promise<Login> {
        await new Promise((resolve) => setTimeout(resolve, 50));
        return super.requestAvatar(...args);
      }
    })();
    const { client } = new LoginFixture([users()], {}, realm).connect();
    const avatar = await login<NamedAvatar>(client, alice, null, { timeoutMs: Infinity });
    expect(await avatar.callRemote("whoami")).toBe("alice");
  });

  test.each([
    ["SCRAM", users],
    ["the classic login", classicUsers],
  ])("with %s leaves no references behind when the avatar is released", async (_by, checker) => {
    const fixture = new LoginFixture([checker(), new AllowAnonymousAccess()]);
    const { client, server } = fixture.connect();
    await errorOf(login(client, new UsernamePassword("alice", "wrong")));
    (await login(client, alice))[Symbol.dispose]();
    (await login(client, new Anonymous()))[Symbol.dispose]();
    await deliverPending();
    expect(server.stats()).toMatchObject({ referencesGiven: 0, referencesHeld: 0, callsRunning: 0 });
    expect(client.stats()).toMatchObject({ referencesGiven: 0, referencesHeld: 0, callsWaiting: 0 });
    expect(fixture.realm.loggedIn).toEqual([]);
  });
});
