// The sessions of a portal, and what an operator does with them.

import { describe, expect, test } from "vitest";

import { Broker } from "@pb/broker";
import type { BrokerOptions } from "@pb/broker";
import { linkPair } from "@pb/broker/testing";
import {
  FilePasswordDB,
  InMemoryUsernamePasswordChecker,
  login,
  LoginDenied,
  UnauthorizedLogin,
  UsernamePassword,
} from "@pb/cred";
import { listen, reconnecting } from "@pb/node-transport";
import type { ReconnectState } from "@pb/node-transport";
import { alice, bob, deliverPending, errorOf, iterations, LoginFixture } from "../support.js";
import type { NamedAvatar } from "../support.js";

type CallArrived = Parameters<NonNullable<NonNullable<BrokerOptions["telemetry"]>["incoming"]>>[0];

const file = (text: string) => {
  const source = { text, read: () => source.text, version: () => source.text };
  return source;
};

describe("sessions", () => {
  test("are listed with their users, connections and logins, until they end", async () => {
    const fixture = new LoginFixture();
    const one = fixture.connect();
    const avatar = await login<NamedAvatar>(one.client, alice);
    await login(fixture.connect().client, bob);
    expect(fixture.portal.sessions()).toMatchObject([
      { avatarId: "alice", connection: one.server, mechanism: "scram-sha-256", avatar: { name: "alice" } },
      { avatarId: "bob" },
    ]);
    const { connection, since } = fixture.portal.sessions()[0]!;
    expect(connection.users).toEqual(["alice"]);
    expect(since.getTime()).toBeLessThanOrEqual(Date.now());
    expect(connection.stats()).toMatchObject({ referencesGiven: 1 });
    expect(fixture.events.map((event) => "connection" in event && event.connection.id)).toContain(one.server.id);
    avatar[Symbol.dispose]();
    await deliverPending();
    expect(fixture.portal.sessions()).toMatchObject([{ avatarId: "bob" }]);
  });

  test("do not show what a session remembers of a password", async () => {
    const fixture = new LoginFixture([new FilePasswordDB(file("alice:secret"))]);
    await login(fixture.connect().client, alice);
    expect(Object.keys(fixture.portal.sessions()[0]!).join()).toBe("avatarId,avatar,connection,mechanism,since");
  });
});

test("hooks of calls name the avatar and its method, not the session", async () => {
  const fixture = new LoginFixture();
  const calls: string[] = [];
  const incoming = ({ type = "", method = "_OTHER", perspective }: CallArrived) => {
    if (perspective !== null) calls.push(`${type}.${method}`);
    return undefined;
  };
  const links = linkPair();
  new Broker(links.listener, { root: fixture.portal, telemetry: { incoming } });
  await using client = new Broker(links.initiator);
  const avatar = await login<NamedAvatar>(client, alice);
  await avatar.callRemote("whoami");
  await errorOf(avatar.callRemote("invented" as "whoami"));
  expect(calls).toEqual(["NamedAvatar.whoami", "NamedAvatar._OTHER"]);
});

describe("a user that an operator disconnects", () => {
  test("loses all sessions, and is refused until readmitted", async () => {
    const fixture = new LoginFixture();
    const ends = [fixture.connect(), fixture.connect()];
    for (const { client } of ends) await login(client, alice);
    const other = fixture.connect();
    await login(other.client, bob);
    expect(await fixture.portal.disconnect("alice")).toBe(2);
    for (const { client, server } of ends) {
      expect(await client.closed).toMatchObject({ reason: "denied", cause: { message: "for good" } });
      expect(await server.closed).toMatchObject({ reason: "denied" });
    }
    expect(other.client.isOpen).toBe(true);
    expect(fixture.portal.sessions()).toHaveLength(1);
    const refused = await errorOf(login(fixture.connect().client, alice));
    expect(refused).toBeInstanceOf(LoginDenied);
    expect(fixture.portal.readmit("alice")).toBe(true);
    expect(fixture.portal.readmit("alice")).toBe(false);
    await login(fixture.connect().client, alice);
  });

  test("may be refused for no time", async () => {
    const fixture = new LoginFixture();
    const { client } = fixture.connect();
    await login(client, alice);
    expect(await fixture.portal.disconnect("alice", { forMs: 0 })).toBe(1);
    expect(await client.closed).toMatchObject({ reason: "denied", cause: { retryAfterMs: 0 } });
    await login(fixture.connect().client, alice);
  });

  test("is refused while the realm makes the avatar, and logged out of that", async () => {
    const fixture = new LoginFixture();
    const request = fixture.realm.requestAvatar.bind(fixture.realm);
    fixture.realm.requestAvatar = async (...args) => {
      await fixture.portal.disconnect("alice");
      return request(...args);
    };
    const { client, server } = fixture.connect();
    const admit = server.admitLogin.bind(server);
    let left = 0;
    server.admitLogin = async (avatarId) => {
      const admission = await admit(avatarId);
      const leave = (): void => {
        left++;
        admission[Symbol.dispose]();
      };
      return { [Symbol.dispose]: leave };
    };
    expect(await errorOf(login(client, alice))).toBeInstanceOf(LoginDenied);
    await deliverPending();
    expect(left).toBe(1);
    expect(fixture.realm.loggedIn).toEqual([]);
    expect(fixture.realm.loggedOut).toEqual(["alice"]);
    expect(fixture.portal.sessions()).toEqual([]);
  });

  test("may be refused until the password has changed", async () => {
    const source = file("alice:secret\nbob:hunter2");
    const fixture = new LoginFixture([new FilePasswordDB(source)]);
    await login(fixture.connect().client, alice);
    expect(await fixture.portal.disconnect("alice", { untilCredentialsChange: true })).toBe(1);
    expect(await errorOf(login(fixture.connect().client, alice))).toBeInstanceOf(LoginDenied);
    source.text = "alice:better\nbob:hunter2";
    await login(fixture.connect().client, new UsernamePassword("alice", "better"));
  });

  test.for([
    [{ forMs: -1 }, /forMs/],
    [{ forMs: "1" }, /forMs/],
    [{ forms: 1 }, /forms/],
    [{ untilCredentialsChange: true }, /No checker/],
  ] as const)("needs good options: %j", async ([options, message]) => {
    const fixture = new LoginFixture();
    await expect(fixture.portal.disconnect("nobody", options as object)).rejects.toThrow(message);
    await expect(fixture.portal.disconnect(undefined as never)).rejects.toThrow("The user must be the id");
  });

  test("is told, so that a reconnecting client waits that long, or stops", async () => {
    const fixture = new LoginFixture();
    await using server = await listen("tcp:0:interface=127.0.0.1", fixture.portal);
    const states: ReconnectState[] = [];
    await using client = reconnecting<NamedAvatar>(`tcp:127.0.0.1:${server.port}`, {
      login: (connection) => login<NamedAvatar>(connection, alice),
      backoff: { firstMs: 1 },
      onState: (state) => states.push(state),
    });
    expect(await client.callRemote("whoami")).toBe("alice");
    await fixture.portal.disconnect("alice", { forMs: 0 });
    await client.connection?.closed;
    expect(await client.callRemote("whoami")).toBe("alice");
    await fixture.portal.disconnect("alice", { forMs: 50 });
    await client.connection?.closed;
    expect(await client.callRemote("whoami")).toBe("alice");
    const waited = states.flatMap((state) => (state.is === "waiting" ? [state.cause] : []));
    expect(waited).toMatchObject([
      { reason: "denied", cause: { retryAfterMs: 0 } },
      { reason: "denied", cause: { retryAfterMs: 50 } },
    ]);
    const stopped = new Promise<unknown>((resolve) => {
      client.onState((state) => state.is === "stopped" && resolve(state.cause));
    });
    await fixture.portal.disconnect("alice");
    expect(await stopped).toMatchObject({ code: "CONNECTION_LOST", reason: "denied" });
  });
});

describe("revalidate", () => {
  test("ends the sessions of users whose password has changed, or who are gone", async () => {
    const source = file("alice:secret\nbob:hunter2\ncarol:pw");
    const fixture = new LoginFixture([new FilePasswordDB(source)]);
    const [a, b, c] = [fixture.connect(), fixture.connect(), fixture.connect()];
    await login(a.client, alice);
    await login(b.client, bob);
    await login(c.client, new UsernamePassword("carol", "pw"));
    expect(await fixture.portal.revalidate()).toBe(0);
    source.text = "alice:better\nbob:hunter2";
    expect(await fixture.portal.revalidate()).toBe(2);
    expect((await a.client.closed).reason).toBe("denied");
    expect((await c.client.closed).reason).toBe("denied");
    expect(fixture.portal.sessions()).toMatchObject([{ avatarId: "bob" }]);
    await login(fixture.connect().client, new UsernamePassword("alice", "better"));
  });

  test("refuses a login that was proven with the old password, and was not completed before", async () => {
    const users = new InMemoryUsernamePasswordChecker({ alice: "secret" }, { iterations });
    const fixture = new LoginFixture([users]);
    const links = linkPair();
    const incoming = ({ method }: CallArrived) => {
      if (method === "enter") users.addUser("alice", "better");
      return undefined;
    };
    new Broker(links.listener, { root: fixture.portal, telemetry: { incoming } });
    await using client = new Broker(links.initiator);
    expect(await errorOf(login(client, alice))).toBeInstanceOf(UnauthorizedLogin);
    expect(fixture.portal.sessions()).toEqual([]);
    await login(fixture.connect().client, new UsernamePassword("alice", "better"));
  });

  test("refuses a login whose password changes while the realm makes the avatar", async () => {
    const source = file("alice:secret");
    const fixture = new LoginFixture([new FilePasswordDB(source)]);
    const request = fixture.realm.requestAvatar.bind(fixture.realm);
    fixture.realm.requestAvatar = async (...args) => {
      source.text = "alice:better";
      await fixture.portal.revalidate();
      return request(...args);
    };
    expect(await errorOf(login(fixture.connect().client, alice))).toBeInstanceOf(UnauthorizedLogin);
    await deliverPending();
    expect(fixture.realm.loggedOut).toEqual(["alice"]);
    expect(fixture.portal.sessions()).toEqual([]);
  });

  test("notices a user that was added again in memory", async () => {
    const users = new InMemoryUsernamePasswordChecker({ alice: "secret", bob: "hunter2" }, { iterations });
    const fixture = new LoginFixture([users]);
    const { client } = fixture.connect();
    await login(client, alice);
    users.addUser("alice", "better");
    expect(await fixture.portal.revalidate()).toBe(1);
    expect((await client.closed).reason).toBe("denied");
  });
});

describe("lines of a password file that cannot be used", () => {
  test("are reported with their numbers when the file was read, and again when it has changed", async () => {
    const source = file("alice:secret\n\nnonsense\nalice:other\n");
    const checker = new FilePasswordDB(source);
    const fixture = new LoginFixture([checker]);
    fixture.portal.registerChecker(checker, "IUsernamePassword"); // reports once
    await login(fixture.connect().client, alice);
    await login(fixture.connect().client, alice);
    const reports = () => fixture.events.filter(({ kind }) => kind === "password-file");
    const lines = [
      { line: 3, problem: "has too few fields" },
      { line: 4, problem: "has the name of an earlier line" },
    ];
    expect(reports()).toEqual([{ kind: "password-file", lines, omitted: 0 }]);
    source.text = `alice:secret\n${"x\n".repeat(30)}`;
    await login(fixture.connect().client, alice);
    expect(reports()[1]).toMatchObject({ lines: { length: 20 }, omitted: 10 });
  });

  test("include those with a password in another form, and names that are not UTF-8", async () => {
    const text = Buffer.from("alice:secret\n\xff:md5\n", "latin1");
    const fixture = new LoginFixture([new FilePasswordDB({ read: () => text }, { stores: ["md5"] })]);
    await errorOf(login(fixture.connect().client, alice));
    expect(fixture.events.find(({ kind }) => kind === "password-file")).toMatchObject({
      lines: [
        { line: 1, problem: "has a password in none of the forms md5" },
        { line: 2, problem: "has too few fields, or a name that is not UTF-8" },
      ],
    });
  });
});
