// Twisted's own tests of logins (NewCredTests, NewCredLeakTests and NSPTests of twisted.spread.test.test_pb) that make
// sense outside Python, under their names there. `npm run checklist` lists them in a table.

import { Avatar, Referenceable, RemoteError, Viewable } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import type { IncomingCall } from "@pb/broker/extension";
import {
  AllowAnonymousAccess,
  Anonymous,
  login,
  Portal,
  UnauthorizedLogin,
  UnhandledCredentials,
  UsernamePassword,
} from "@pb/cred";
import type { Mind } from "@pb/cred";
import { kwargs } from "@pb/broker";
import { expect, test } from "vitest";
import { garbageCollector } from "../../../tools/gc/garbage-collector.js";
import type { NamedAvatar } from "./support.js";
import {
  alice,
  bob,
  connectedBrokers,
  deliverPending,
  errorOf,
  LoginFixture,
  RecordingMind,
  users,
} from "./support.js";

test("NewCredTests.test_loginLogout: a login returns the avatar, passes the mind, and ends when the connection ends", async () => {
  const fixture = new LoginFixture();
  const { client } = fixture.connect();
  const mind = new RecordingMind();
  const avatar = await login<NamedAvatar>(client, alice, mind);
  expect(await avatar.callRemote("askMind", 1)).toBe(2);
  expect(mind.pings).toEqual([1]);
  expect(fixture.realm.loggedIn).toEqual(["alice"]);
  await client.close();
  await deliverPending();
  expect(fixture.realm.loggedOut).toEqual(["alice"]);
});

test("NewCredTests.test_logoutAfterDecref: releasing the last reference logs out, and the connection stays open", async () => {
  const fixture = new LoginFixture();
  const { client, server } = fixture.connect();
  const avatar = await login<NamedAvatar>(client, alice);
  avatar[Symbol.dispose]();
  await deliverPending();
  expect(fixture.realm.loggedOut).toEqual(["alice"]);
  expect(client.isOpen).toBe(true);
  expect(server.stats().referencesGiven).toBe(0);
  await client.close();
  await deliverPending();
  expect(fixture.realm.loggedOut).toEqual(["alice"]);
});

test("NewCredTests.test_concurrentLogin: two simultaneous logins have two avatars", async () => {
  const { client } = new LoginFixture().connect();
  const [a, b] = await Promise.all([login<NamedAvatar>(client, alice), login<NamedAvatar>(client, bob)]);
  expect(await Promise.all([a.callRemote("whoami"), b.callRemote("whoami")])).toEqual(["alice", "bob"]);
});

test("NewCredTests.test_badUsernamePasswordLogin: an unknown name and a wrong password fail with the same error", async () => {
  const { client } = new LoginFixture().connect();
  for (const wrong of [new UsernamePassword("nobody", "secret"), new UsernamePassword("alice", "wrong")]) {
    expect(await errorOf(login(client, wrong))).toBeInstanceOf(UnauthorizedLogin);
  }
});

test("NewCredTests.test_anonymousLogin: an anonymous login succeeds when a checker allows it", async () => {
  const { client } = new LoginFixture([new AllowAnonymousAccess()]).connect();
  const avatar = await login<NamedAvatar>(client, new Anonymous());
  expect(await avatar.callRemote("whoami")).toBe("anonymous");
});

test("NewCredTests.test_anonymousLoginNotPermitted: an anonymous login fails when no checker allows it", async () => {
  const { client } = new LoginFixture([users()]).connect();
  expect(await errorOf(login(client, new Anonymous()))).toBeInstanceOf(UnhandledCredentials);
});

test("NewCredTests.test_anonymousLoginWithMultipleCheckers: an anonymous login succeeds when there are checkers for passwords too", async () => {
  const { client } = new LoginFixture([users(), new AllowAnonymousAccess()]).connect();
  const avatar = await login<NamedAvatar>(client, new Anonymous());
  expect(await avatar.callRemote("whoami")).toBe("anonymous");
});

test("NewCredTests.test_authenticatedLoginWithMultipleCheckers: a login with a password succeeds when there is a checker for anonymous logins too", async () => {
  const { client } = new LoginFixture([users(), new AllowAnonymousAccess()]).connect();
  const avatar = await login<NamedAvatar>(client, alice);
  expect(await avatar.callRemote("whoami")).toBe("alice");
});

class Board extends Viewable {
  view_read(reader: Reader): string {
    return `${reader.name} reads`;
  }
}

class Reader extends Avatar {
  constructor(
    readonly name: string,
    readonly board: Board,
  ) {
    super();
  }

  perspective_getBoard(): Board {
    return this.board;
  }
}

test("NewCredTests.test_view: the first argument of a view's method is the avatar that returned the view", async () => {
  const board = new Board();
  const realm = { requestAvatar: (name: unknown) => ({ avatar: new Reader(String(name), board) }) };
  const { client } = connectedBrokers({ root: new Portal(realm, [users()]) });
  const reader = await login<Reader>(client, alice);
  const view = await reader.callRemote("getBoard");
  expect(await view.callRemote("read")).toBe("alice reads");
  const other = await (await login<Reader>(client, bob)).callRemote("getBoard");
  expect(await other.callRemote("read")).toBe("bob reads");
});

test("NSPTests.test_NSP: an avatar can handle every call itself, with its name, arguments and keyword arguments", async () => {
  class CallRecorder extends Referenceable {
    override receiveCall({ method, args, kwargs: keywords }: IncomingCall): unknown {
      return [method, ...args, Object.entries(keywords ?? {})];
    }
  }
  const { client } = connectedBrokers({
    root: new Portal({ requestAvatar: () => ({ avatar: new CallRecorder() }) }, [users()]),
  });
  const avatar = await login(client, alice);
  expect(await avatar.callRemote("ANYTHING", 1, kwargs({ here: "bar" }))).toEqual(["ANYTHING", 1, [["here", "bar"]]]);
});

test("NewCredLeakTests.test_logoutLeak: the server releases the mind when the connection is lost, even though the logout function uses it", async () => {
  const logouts: unknown[] = [];
  let reference: WeakRef<object> | undefined;
  const realm = {
    requestAvatar(_name: unknown, mind: Mind) {
      reference = new WeakRef(mind!);
      return { avatar: new Reader("x", new Board()), logout: () => void logouts.push(mind === null) };
    },
  };
  const { client, links } = connectedBrokers({ root: new Portal(realm, [users()]) });
  await login(client, alice, new RecordingMind());
  links.listener.destroy();
  await client.closed;
  await deliverPending();
  expect(logouts).toEqual([false]);
  const collect = garbageCollector();
  for (let round = 0; round < 20 && reference!.deref() !== undefined; round++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    collect();
  }
  expect(reference!.deref()).toBeUndefined();
});

test("Needed.callsBeforeLogin: the client serves calls of the mind before its login is answered", async () => {
  const received: string[] = [];
  class Bot extends Referenceable {
    static readonly parameters = { print: ["message"] };
    remote_print(message: string): void {
      received.push(message);
    }
    remote_getWorkerInfo(): object {
      return { version: "1" };
    }
  }
  class Master extends Avatar {}
  const realm = {
    async requestAvatar(_name: unknown, mind: RemoteReference | null) {
      await mind!.callRemote("print", kwargs({ message: "attached" }));
      received.push(((await mind!.callRemote("getWorkerInfo")) as { version: string }).version);
      return { avatar: new Master() };
    },
  };
  const { client } = connectedBrokers({ root: new Portal(realm, [users()]) });
  await login(client, alice, new Bot());
  expect(received).toEqual(["attached", "1"]);
});

test("Needed.missingAvatarMethod: calling a method that the avatar does not have fails with Python's AttributeError", async () => {
  const { client } = new LoginFixture().connect();
  const avatar = await login(client, alice);
  const error = (await errorOf(avatar.callRemote("nosuch"))) as RemoteError;
  expect(error).toBeInstanceOf(RemoteError);
  expect(error.remoteType).toBe("builtins.AttributeError");
});
