/**
 * What Twisted's own tests of logins check (NewCredTests and NSPTests of twisted.spread.test.test_pb) and what makes sense outside Python, by the
 * names they have there. `npm run checklist` puts them into a table.
 */
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
import type { Person } from "./support.js";
import { brokers, errorOf, Mindful, settle, Stage, users } from "./support.js";

const alice = new UsernamePassword("alice", "secret");
const bob = new UsernamePassword("bob", "hunter2");

test("NewCredTests.test_loginLogout: a login gives the avatar, brings the mind, and ends with the connection", async () => {
  const stage = new Stage();
  const { client } = stage.connect();
  const mind = new Mindful();
  const avatar = await login<Person>(client, alice, mind);
  expect(await avatar.callRemote("askMind", 1)).toBe(2);
  expect(mind.pings).toEqual([1]);
  expect(stage.house.inside).toEqual(["alice"]);
  await client.close();
  await settle();
  expect(stage.house.loggedOut).toEqual(["alice"]);
});

test("NewCredTests.test_logoutAfterDecref: the last reference given back logs out, and the connection lives on", async () => {
  const stage = new Stage();
  const { client, server } = stage.connect();
  const avatar = await login<Person>(client, alice);
  avatar[Symbol.dispose]();
  await settle();
  expect(stage.house.loggedOut).toEqual(["alice"]);
  expect(client.isOpen).toBe(true);
  expect(server.stats().referencesGiven).toBe(0);
  await client.close();
  await settle();
  expect(stage.house.loggedOut).toEqual(["alice"]);
});

test("NewCredTests.test_concurrentLogin: two logins at once give each its own avatar", async () => {
  const { client } = new Stage().connect();
  const [a, b] = await Promise.all([login<Person>(client, alice), login<Person>(client, bob)]);
  expect(await Promise.all([a.callRemote("whoami"), b.callRemote("whoami")])).toEqual(["alice", "bob"]);
});

test("NewCredTests.test_badUsernamePasswordLogin: a wrong name and a wrong password fail alike", async () => {
  const { client } = new Stage().connect();
  for (const wrong of [new UsernamePassword("nobody", "secret"), new UsernamePassword("alice", "wrong")]) {
    expect(await errorOf(login(client, wrong))).toBeInstanceOf(UnauthorizedLogin);
  }
});

test("NewCredTests.test_anonymousLogin: nobody in particular gets in where that is allowed", async () => {
  const { client } = new Stage([new AllowAnonymousAccess()]).connect();
  const avatar = await login<Person>(client, new Anonymous());
  expect(await avatar.callRemote("whoami")).toBe("anonymous");
});

test("NewCredTests.test_anonymousLoginNotPermitted: ... and not where no checker takes them", async () => {
  const { client } = new Stage([users()]).connect();
  expect(await errorOf(login(client, new Anonymous()))).toBeInstanceOf(UnhandledCredentials);
});

test("NewCredTests.test_anonymousLoginWithMultipleCheckers: ... also beside passwords", async () => {
  const { client } = new Stage([users(), new AllowAnonymousAccess()]).connect();
  const avatar = await login<Person>(client, new Anonymous());
  expect(await avatar.callRemote("whoami")).toBe("anonymous");
});

test("NewCredTests.test_authenticatedLoginWithMultipleCheckers: who has a password gets their own avatar there", async () => {
  const { client } = new Stage([users(), new AllowAnonymousAccess()]).connect();
  const avatar = await login<Person>(client, alice);
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

test("NewCredTests.test_view: a method of a view gets the avatar it was handed to, first", async () => {
  const board = new Board();
  const realm = { requestAvatar: (name: unknown) => ({ avatar: new Reader(String(name), board) }) };
  const { client } = brokers({ root: new Portal(realm, [users()]) });
  const reader = await login<Reader>(client, alice);
  const view = await reader.callRemote("getBoard");
  expect(await view.callRemote("read")).toBe("alice reads");
  const other = await (await login<Reader>(client, bob)).callRemote("getBoard");
  expect(await other.callRemote("read")).toBe("bob reads");
});

test("NSPTests.test_NSP: an avatar may take every call itself: name, arguments, keyword arguments", async () => {
  class Catchall extends Referenceable {
    override receiveCall({ method, args, kwargs: keywords }: IncomingCall): unknown {
      return [method, ...args, Object.entries(keywords ?? {})];
    }
  }
  const { client } = brokers({ root: new Portal({ requestAvatar: () => ({ avatar: new Catchall() }) }, [users()]) });
  const avatar = await login(client, alice);
  expect(await avatar.callRemote("ANYTHING", 1, kwargs({ here: "bar" }))).toEqual(["ANYTHING", 1, [["here", "bar"]]]);
});

test("NewCredLeakTests.test_logoutLeak: the server forgets the mind when the connection is cut, although the logout knows it", async () => {
  const gone: unknown[] = [];
  let reference: WeakRef<object> | undefined;
  const realm = {
    requestAvatar(_name: unknown, mind: Mind) {
      reference = new WeakRef(mind!);
      return { avatar: new Reader("x", new Board()), logout: () => void gone.push(mind === null) };
    },
  };
  const { client, links } = brokers({ root: new Portal(realm, [users()]) });
  await login(client, alice, new Mindful());
  links.listener.destroy();
  await client.closed;
  await settle();
  expect(gone).toEqual([false]);
  const collect = garbageCollector();
  for (let round = 0; round < 20 && reference!.deref() !== undefined; round++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    collect();
  }
  expect(reference!.deref()).toBeUndefined();
});

test("Needed.callsBeforeLogin: the mind is called before the login is answered", async () => {
  const heard: string[] = [];
  class Bot extends Referenceable {
    static readonly parameters = { print: ["message"] };
    remote_print(message: string): void {
      heard.push(message);
    }
    remote_getWorkerInfo(): object {
      return { version: "1" };
    }
  }
  class Master extends Avatar {}
  const realm = {
    async requestAvatar(_name: unknown, mind: RemoteReference | null) {
      await mind!.callRemote("print", kwargs({ message: "attached" }));
      heard.push(((await mind!.callRemote("getWorkerInfo")) as { version: string }).version);
      return { avatar: new Master() };
    },
  };
  const { client } = brokers({ root: new Portal(realm, [users()]) });
  await login(client, alice, new Bot());
  expect(heard).toEqual(["attached", "1"]);
});

test("Needed.missingAvatarMethod: a method that an avatar does not have is an AttributeError, as Python says it", async () => {
  const { client } = new Stage().connect();
  const avatar = await login(client, alice);
  const error = (await errorOf(avatar.callRemote("nosuch"))) as RemoteError;
  expect(error).toBeInstanceOf(RemoteError);
  expect(error.remoteType).toBe("builtins.AttributeError");
});
