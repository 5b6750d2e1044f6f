import { Referenceable } from "@pb/broker";
import type { Broker, RemoteReference, RootSource } from "@pb/broker";
import type { SameUserOptions } from "@pb/transport";
import { expect, test } from "vitest";
import { Echo, until } from "../support/echo.js";
import { connectTo, serve } from "../support/memory-network.js";

type ServerSide = Parameters<RootSource["rootObject"]>[0];

/** Asks the connection to admit each login and disposes of the result at logout, as a portal does. */
class LoginRoot extends Referenceable {
  constructor(readonly connection: ServerSide) {
    super();
  }

  async remote_login(name: string | null): Promise<User> {
    return new User(await this.connection.admitLogin(name));
  }
}

class User extends Echo {
  constructor(readonly login: Disposable) {
    super();
  }

  override unreferenced(): void {
    this.login[Symbol.dispose]();
  }
}

const root: RootSource = { requiresLogin: true, rootObject: (connection) => new LoginRoot(connection) };

function serveUsers(sameUser?: SameUserOptions) {
  return serve(root, { sameUser, liveness: false });
}

/** A login ends when its user is not referenced anymore, also when the reference is collected. */
const users: RemoteReference<User>[] = [];

async function logIn(connection: Broker, name: string | null = "worker"): Promise<RemoteReference<User>> {
  const door = await connection.getRootObject<LoginRoot>();
  const user = await door.callRemote("login", name);
  users.push(user);
  return user;
}

test("admits two connections of a user by default", async () => {
  const { network } = serveUsers();
  const avatars = [await logIn(await connectTo(network)), await logIn(await connectTo(network))];
  expect(await Promise.all(avatars.map((avatar) => avatar.callRemote("echo", 1)))).toEqual([1, 1]);
});

test("replaces the older connection with `replace`", async () => {
  const { network, events } = serveUsers({ sameUser: "replace" });
  const first = await connectTo(network);
  await logIn(first);
  const avatar = await logIn(await connectTo(network));
  expect((await first.closed).reason).toBe("replaced");
  expect(await avatar.callRemote("echo", 1)).toBe(1);
  await until(() => events.some(({ kind }) => kind === "closed"), "the end of the first connection is reported");
  expect(events.find(({ kind }) => kind === "closed")).toMatchObject({
    reason: {
      reason: "replaced",
      message: "The same client has a newer connection: the user logged in from memory",
    },
  });
  await logIn(await connectTo(network), "another user");
  expect(await avatar.callRemote("echo", 2)).toBe(2);
});

test("keeps a user on a connection until the last login over it ends", async () => {
  const { network } = serveUsers({ sameUser: "replace" });
  const first = await connectTo(network);
  const [one] = [await logIn(first), await logIn(first)];
  one[Symbol.dispose]();
  await first.ping();
  await logIn(await connectTo(network));
  await until(() => !first.isOpen, "the first connection is replaced");
});

test("refuses a second login with `ask` while the older connection answers", async () => {
  const { network } = serveUsers({ sameUser: "ask", answerMs: 10_000 });
  const first = await connectTo(network);
  const avatar = await logIn(first);
  const second = await connectTo(network);
  await expect(logIn(second)).rejects.toMatchObject({
    remoteType: "pb.DuplicateLogin",
    message: "worker is logged in already, from memory",
  });
  expect(await avatar.callRemote("echo", 1)).toBe(1);
  avatar[Symbol.dispose]();
  await until(() => first.stats().callsWaiting === 0, "the logout is sent");
  await first.ping();
  expect(await (await logIn(second)).callRemote("echo", 2)).toBe(2);
});

test("refuses a second login with an answer time without limit", async () => {
  const { network } = serveUsers({ sameUser: "ask", answerMs: Infinity });
  const first = await connectTo(network);
  await logIn(first);
  await expect(logIn(await connectTo(network))).rejects.toMatchObject({ remoteType: "pb.DuplicateLogin" });
  expect(first.isOpen).toBe(true);
});

test("replaces a cut connection with `ask` and leaves other users alone", async () => {
  const { network, events } = serveUsers({ sameUser: "ask", answerMs: 300 });
  await logIn(await connectTo(network));
  network.cut();
  const other = await logIn(await connectTo(network), "other");
  const start = performance.now();
  const avatar = await logIn(await connectTo(network));
  expect(performance.now() - start).toBeLessThan(60_000);
  expect(await avatar.callRemote("echo", "back")).toBe("back");
  expect(await other.callRemote("echo", "unharmed")).toBe("unharmed");
  const closed = events.filter((event) => event.kind === "closed");
  expect(closed).toMatchObject([
    {
      reason: {
        reason: "unresponsive",
        message: expect.stringContaining("the user logged in over another connection"),
      },
    },
  ]);
});

test("admits one of several simultaneous logins with `ask`", async () => {
  const { network } = serveUsers({ sameUser: "ask", answerMs: 300 });
  await logIn(await connectTo(network));
  network.cut();
  const attempts = await Promise.allSettled(Array.from({ length: 4 }, async () => logIn(await connectTo(network))));
  expect(attempts.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
});

test("never takes two anonymous users for the same", async () => {
  const { network } = serveUsers({ sameUser: "ask" });
  const avatars = [await logIn(await connectTo(network), null), await logIn(await connectTo(network), null)];
  expect(await Promise.all(avatars.map((avatar) => avatar.callRemote("echo", 1)))).toEqual([1, 1]);
});
