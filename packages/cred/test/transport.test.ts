// Tests of logins over sockets, with @pb/node-transport.

import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { BearerToken, BearerTokenChecker, login, LoginDenied, UnauthorizedLogin, UsernamePassword } from "@pb/cred";
import { connect, listen, reconnecting } from "@pb/node-transport";
import type { ListenOptions, Server } from "@pb/node-transport";
import { pinReceivedValues } from "../../../tools/gc/pin-received-values.js";
import { BadNetwork } from "../../node-transport/test/support/bad-network.js";
import { Authority } from "../../node-transport/test/support/certificates.js";
import { alice, deliverPending, errorOf, LoginFixture, RecordingMind, users } from "./support.js";
import type { NamedAvatar } from "./support.js";

describe("over TLS", () => {
  const authority = new Authority("A test authority");
  const certificate = authority.issue("localhost", { names: ["localhost", "127.0.0.1"] });
  const fixture = new LoginFixture(
    [users(), new BearerTokenChecker((token) => (token === "t" ? "robot" : undefined))],
    {
      policy: { classic: "encrypted" },
    },
  );
  let server: Server;

  beforeAll(async () => {
    server = await listen("pbs://127.0.0.1:0", fixture.portal, { tls: certificate });
  });
  afterAll(() => server.close());

  test("a login is bound to the TLS connection", async () => {
    await using connection = await connect(`pbs://127.0.0.1:${server.port}`, { tls: { ca: authority.cert } });
    const avatar = await login<NamedAvatar>(connection, alice, new RecordingMind(), { minimum: "scram-sha-256-plus" });
    expect(await avatar.callRemote("askMind", 1)).toBe(2);
    expect(fixture.mechanisms.at(-1)).toBe("scram-sha-256-plus");
    const wrong = await errorOf(login(connection, new UsernamePassword("alice", "wrong")));
    expect(wrong).toBeInstanceOf(UnauthorizedLogin);
  });

  test("a login with a bearer token works", async () => {
    await using connection = await connect(`pbs://127.0.0.1:${server.port}`, { tls: { ca: authority.cert } });
    const avatar = await login<NamedAvatar>(connection, new BearerToken("t"));
    expect(await avatar.callRemote("whoami")).toBe("robot");
  });

  test("a bearer token is not sent to a server whose certificate is not verified", async () => {
    const mechanisms = fixture.mechanisms.length;
    await using connection = await connect(`pbs://127.0.0.1:${server.port}`, { tls: { verify: false } });
    expect(await errorOf(login(connection, new BearerToken("t")))).toMatchObject({
      message: "A bearer token must not be sent to a server whose certificate was not verified",
    });
    expect(fixture.mechanisms).toHaveLength(mechanisms);
    const avatar = await login<NamedAvatar>(connection, new BearerToken("t"), null, { allowUnencryptedToken: true });
    expect(await avatar.callRemote("whoami")).toBe("robot");
    const tls = { ca: authority.cert, verify: false };
    await using good = await connect(`pbs://127.0.0.1:${server.port}`, { tls });
    await login(good, new BearerToken("t"));
    const otherName = { ...tls, serverName: "example.org" };
    await using misdirected = await connect(`pbs://127.0.0.1:${server.port}`, { tls: otherName });
    expect(misdirected.peer.isEncrypted).toBe(false);
  });
});

describe("a second login of the same user over another connection", () => {
  const twice = async (options: ListenOptions) => {
    const fixture = new LoginFixture();
    const server = await listen("tcp:0:interface=127.0.0.1", fixture.portal, options);
    const [one, two] = await Promise.all([1, 2].map(() => connect(`tcp:127.0.0.1:${server.port}`)));
    await login(one!, alice);
    return { fixture, server, one: one!, two: two! };
  };

  test("replaces the first one, which is logged out before", async () => {
    using _pinned = pinReceivedValues();
    const { fixture, server, one, two } = await twice({ logins: { sameUser: "replace" } });
    await login(two, alice);
    await one.closed;
    await deliverPending();
    expect(fixture.events.map(({ kind }) => kind)).toEqual(["login", "logout", "login"]);
    expect(fixture.realm.loggedIn).toEqual(["alice"]);
    await server.close();
  });

  test("is denied while the first connection responds", async () => {
    using _pinned = pinReceivedValues();
    const { fixture, server, two } = await twice({ logins: { sameUser: "ask" } });
    const error = await errorOf(login(two, alice));
    expect(error).toBeInstanceOf(LoginDenied);
    expect(error.message).toMatch(/^alice is logged in already, from tcp:/);
    expect(fixture.realm.requests).toHaveLength(1);
    await server.close();
    expect(fixture.realm.loggedIn).toEqual([]);
  });

  test("succeeds when the network of the first one was cut, although the server has not noticed", async () => {
    const { portal, realm } = new LoginFixture();
    const logins = { sameUser: "ask", answerMs: 5000 } as const;
    await using server = await listen("tcp:0:interface=127.0.0.1", portal, { logins, liveness: false });
    await using network = await BadNetwork.before(server.port);
    await using client = reconnecting<NamedAvatar>(`tcp:127.0.0.1:${network.port}`, {
      login: (connection) => login<NamedAvatar>(connection, alice),
      backoff: { firstMs: 50, highestMs: 200 },
      liveness: { intervalMs: 50, answerMs: 5000 },
      idempotent: ["whoami"],
    });
    expect(await client.callRemote("whoami")).toBe("alice");
    network.cut();
    expect(await client.callRemote("whoami")).toBe("alice");
    await vi.waitFor(() => expect(realm.loggedIn).toEqual(["alice"]), { timeout: 120_000 });
  });

  test("succeeds when the first client has released its avatar, even though its connection is open", async () => {
    const fixture = new LoginFixture();
    await using server = await listen("tcp:0:interface=127.0.0.1", fixture.portal, { logins: { sameUser: "ask" } });
    const [one, two] = await Promise.all([1, 2].map(() => connect(`tcp:127.0.0.1:${server.port}`)));
    (await login(one!, alice))[Symbol.dispose]();
    await vi.waitFor(() => expect(fixture.realm.loggedOut).toEqual(["alice"]), { timeout: 120_000 });
    await login(two!, alice);
    expect(one!.isOpen).toBe(true);
  });
});

test("a login that the realm refuses does not count as a login of the user", async () => {
  const fixture = new LoginFixture();
  fixture.realm.requestAvatar = () => {
    throw new LoginDenied("closed");
  };
  await using server = await listen("tcp:0:interface=127.0.0.1", fixture.portal, { logins: { sameUser: "ask" } });
  const [one, two] = await Promise.all([1, 2].map(() => connect(`tcp:127.0.0.1:${server.port}`)));
  for (const connection of [one!, two!]) {
    expect((await errorOf(login(connection, alice))).message).toBe("closed");
  }
});

test("a reconnecting client whose password is wrong stops", async () => {
  await using server = await listen("tcp:0:interface=127.0.0.1", new LoginFixture().portal);
  await using client = reconnecting(`tcp:127.0.0.1:${server.port}`, {
    login: (connection) => login(connection, new UsernamePassword("alice", "wrong")),
  });
  await expect(client.current()).rejects.toMatchObject({ code: "CALL_NOT_CONNECTED" });
  expect(client.state.is).toBe("stopped");
});

test("the server closes a connection that has not logged in within loginMs", async () => {
  const { portal } = new LoginFixture();
  expect(portal.requiresLogin).toBe(true);
  const limits = { loginMs: 6_000 };
  await using server = await listen("tcp:0:interface=127.0.0.1", portal, { limits });
  const silent = await connect(`tcp:127.0.0.1:${server.port}`);
  const guessing = await connect(`tcp:127.0.0.1:${server.port}`);
  const loggedIn = await connect(`tcp:127.0.0.1:${server.port}`);
  await login(loggedIn, alice);
  await errorOf(login(guessing, new UsernamePassword("alice", "wrong")));
  await Promise.all([silent.closed, guessing.closed]);
  expect(loggedIn.isOpen).toBe(true);
  await loggedIn.close();
});
