// Tests of logouts.

import { describe, expect, test, vi } from "vitest";
import { Broker, ConnectionLostError } from "@pb/broker";
import { linkPair } from "@pb/broker/testing";
import { AllowAnonymousAccess, Anonymous, login, Md5Digest, PasswordChecker } from "@pb/cred";
import type { Login } from "@pb/cred";
import { pinReceivedValues } from "../../../../tools/gc/pin-received-values.js";
import {
  alice,
  bob,
  connectedBrokers,
  deliverPending,
  errorOf,
  LoginFixture,
  NamedAvatar,
  RecordingRealm,
  users,
} from "../support.js";

describe("a logout", () => {
  test("runs when the client releases its last reference to the avatar", async () => {
    const fixture = new LoginFixture();
    const { client } = fixture.connect();
    const avatar = await login(client, alice);
    avatar[Symbol.dispose]();
    await deliverPending();
    expect(fixture.realm.loggedOut).toEqual(["alice"]);
    await client.close();
    await deliverPending();
    expect(fixture.realm.loggedOut).toEqual(["alice"]);
    expect(fixture.events.map(({ kind }) => kind)).toEqual(["login", "logout"]);
  });

  test("runs once for each login when the connection ends, however it ends", async () => {
    for (const end of ["close", "cut", "server"] as const) {
      const fixture = new LoginFixture();
      const { client, server, links } = fixture.connect();
      await Promise.all([login(client, alice), login(client, bob), login(client, alice)]);
      if (end === "close") await client.close();
      else if (end === "cut") links.listener.cut();
      else await server.close();
      await deliverPending();
      expect(fixture.realm.loggedOut.sort()).toEqual(["alice", "alice", "bob"]);
      expect(fixture.realm.loggedIn).toEqual([]);
    }
  });

  test("runs once for each login when the realm returns one avatar for all users", async () => {
    using _pinned = pinReceivedValues();
    const shared = new NamedAvatar("shared", null);
    const loggedOut: unknown[] = [];
    const realm = new (class extends RecordingRealm {
      override requestAvatar = (id: unknown) => ({ avatar: shared, logout: () => void loggedOut.push(id) });
    })();
    const { client } = new LoginFixture([users()], {}, realm).connect();
    const [one] = await Promise.all([login(client, alice), login(client, bob)]);
    one[Symbol.dispose]();
    await deliverPending();
    expect(loggedOut).toEqual(["alice"]);
    await client.close();
    await deliverPending();
    expect(loggedOut).toEqual(["alice", "bob"]);
  });

  test("removes its disconnect callback from the connection", async () => {
    const callbacks = new Set<unknown>();
    const { server, client } = connectedBrokers({});
    const connection = Object.create(server, {
      isOpen: { get: () => server.isOpen },
      peer: { get: () => server.peer },
      publish: { value: server.publish.bind(server) },
      admitLogin: { value: server.admitLogin.bind(server) },
      notifyOnDisconnect: {
        value: (callback: unknown) => {
          callbacks.add(callback);
          return { [Symbol.dispose]: () => callbacks.delete(callback) };
        },
      },
    }) as Broker;
    await server.ready;
    const fixture = new LoginFixture([new AllowAnonymousAccess()]);
    server.publish("root", fixture.portal.rootObject(connection));
    const before = callbacks.size;
    const avatar = await login(client, new Anonymous());
    expect(callbacks.size).toBe(before + 1);
    avatar[Symbol.dispose]();
    await deliverPending();
    expect(callbacks.size).toBe(before);
  });

  test("runs even when the realm answers after the connection has ended", async () => {
    let open!: (login: Login) => void;
    const realm = new (class extends RecordingRealm {
      override requestAvatar = () => new Promise<Login>((resolve) => (open = resolve));
    })();
    const fixture = new LoginFixture([users()], {}, realm);
    const { client, links } = fixture.connect();
    const failure = errorOf(login(client, alice));
    await vi.waitFor(() => expect(open).toBeDefined(), { timeout: 120_000 });
    links.listener.cut();
    expect(await failure).toBeInstanceOf(ConnectionLostError);
    const logout = vi.fn();
    open({ avatar: new NamedAvatar("alice", null), logout });
    await deliverPending();
    expect(logout).toHaveBeenCalledTimes(1);
    expect(fixture.events.map(({ kind }) => kind)).toEqual(["logout"]);
  });

  test("is not needed when the checker answers after the connection has ended: the realm is not asked", async () => {
    let answer!: (stored: Md5Digest) => void;
    const find = () => new Promise<Md5Digest>((resolve) => (answer = resolve));
    const fixture = new LoginFixture([new PasswordChecker({ stores: ["md5"], find })]);
    const { client, links } = fixture.connect();
    const failure = errorOf(login(client, alice));
    await vi.waitFor(() => expect(answer).toBeDefined(), { timeout: 120_000 });
    links.initiator.cut();
    await failure;
    answer(Md5Digest.of("secret"));
    await deliverPending();
    expect(fixture.realm.requests).toEqual([]);
  });

  test("runs when the connection ends if the avatar could not be sent", async () => {
    const fixture = new LoginFixture([new AllowAnonymousAccess()]);
    const links = linkPair();
    const server = new Broker(links.listener, { root: fixture.portal, limits: { references: 1 } });
    const client = new Broker(links.initiator);
    await login(client, new Anonymous());
    expect((await errorOf(login(client, new Anonymous()))).message).toContain("Maximum PB reference count");
    await server.close();
    await deliverPending();
    expect(fixture.realm.loggedOut).toEqual(["anonymous", "anonymous"]);
  });

  test.each([
    [
      "throws",
      () => {
        throw new Error("logout failed");
      },
    ],
    ["rejects", () => Promise.reject(new Error("logout failed"))],
  ])("that %s is reported to onEvent, and does not affect other logins", async (_how, logout) => {
    using _pinned = pinReceivedValues();
    const realm = new (class extends RecordingRealm {
      override requestAvatar(...args: Parameters<RecordingRealm["requestAvatar"]>) {
        const made = super.requestAvatar(...args) as Login;
        return args[0] === "alice" ? { ...made, logout } : made;
      }
    })();
    const fixture = new LoginFixture([users()], {}, realm);
    const { client, server } = fixture.connect();
    const [a] = await Promise.all([login(client, alice), login<NamedAvatar>(client, bob), login(client, alice)]);
    a[Symbol.dispose]();
    await deliverPending();
    expect(fixture.events.at(-1)).toMatchObject({
      kind: "logout-failed",
      avatarId: "alice",
      error: { message: "logout failed" },
    });
    expect(server.isOpen).toBe(true);
    await client.close();
    await deliverPending();
    expect(fixture.events.filter(({ kind }) => kind === "logout-failed")).toHaveLength(2);
    expect(realm.loggedOut).toEqual(["bob"]);
  });
});
