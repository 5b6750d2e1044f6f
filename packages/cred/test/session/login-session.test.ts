// Tests of what a session allows and reveals: policies, minds, failing checkers and events.

import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { Referenceable, RemoteError } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import {
  AllowAnonymousAccess,
  Anonymous,
  BearerToken,
  BearerTokenChecker,
  FunctionChecker,
  login,
  LoginDenied,
  Md5Digest,
  PasswordChecker,
  ScramVerifier,
  UnhandledCredentials,
  UsernamePassword,
} from "@pb/cred";
import type { Login } from "@pb/cred";
import {
  alice,
  classicResponse,
  classicUsers,
  deliverPending,
  errorOf,
  iterations,
  LoginFixture,
  NamedAvatar,
  RecordingMind,
  RecordingRealm,
  users,
  wrongPassword,
} from "../support.js";
import { bytes, challengeFor, scramFor } from "../raw-client.js";

describe("a policy", () => {
  test("refuses the classic login over an unencrypted connection", async () => {
    const fixture = new LoginFixture([classicUsers()], { policy: { classic: "encrypted" } });
    const error = await errorOf(login(fixture.connect({ peer: { isEncrypted: false } }).client, alice));
    expect(error).toBeInstanceOf(LoginDenied);
    expect(error.message).toBe("This server offers classic logins over encrypted connections only");
    await login(fixture.connect().client, alice);
  });

  test("switches off logins", async () => {
    const policy = { classic: "none", anonymous: "none" } as const;
    const fixture = new LoginFixture([users(), new AllowAnonymousAccess()], { policy });
    const { client } = fixture.connect();
    await login(client, alice);
    expect(await errorOf(login(client, new Anonymous()))).toBeInstanceOf(UnhandledCredentials);
    const root = await client.getRootObject<{ login(name: Uint8Array): unknown }>();
    expect((await errorOf(root.callRemote("login", Buffer.from("alice")))).remoteType).toBe(
      "twisted.cred.error.UnhandledCredentials",
    );
    const noScram = new LoginFixture([users()], { policy: { scram: "none" } });
    await login(noScram.connect().client, alice);
    expect(noScram.mechanisms).toEqual(["classic"]);
  });
});

test("a user has only the logins for which the password is stored in a suitable form", async () => {
  const verifier = await ScramVerifier.of("secret", { iterations });
  const scramOnly = new LoginFixture([
    new PasswordChecker({
      stores: ["scram-sha-256"],
      iterations,
      find: (name) => (name === "alice" ? verifier : undefined),
    }),
  ]);
  const { client } = scramOnly.connect();
  await login(client, alice);
  const root = await client.getRootObject();
  const [challenge, challenger] = (await root.callRemote("login", Buffer.from("alice"))) as [
    Uint8Array,
    RemoteReference,
  ];
  const error = await errorOf(challenger.callRemote("respond", classicResponse(challenge, "secret"), null));
  expect(error.remoteType).toBe("twisted.cred.error.UnhandledCredentials");
  expect(error.message).toBe(
    "No checker for twisted.cred.credentials.IUsernameHashedPassword, twisted.spread.pb.IUsernameMD5Password, twisted.spread.interfaces.IJellyable",
  );
});

describe("a mind", () => {
  test("that throws when the realm calls it fails only that login", async () => {
    class ThrowingMind extends RecordingMind {
      override remote_ping(): never {
        throw new RangeError("broken");
      }
    }
    const realm = new (class extends RecordingRealm {
      override async requestAvatar(...args: Parameters<RecordingRealm["requestAvatar"]>): Promise<Login> {
        await args[1]?.callRemote("ping", 1);
        return super.requestAvatar(...args);
      }
    })();
    const fixture = new LoginFixture([users()], {}, realm);
    const { client } = fixture.connect();
    const error = await errorOf(login(client, alice, new ThrowingMind()));
    expect(error).toBeInstanceOf(RemoteError);
    expect(error.remoteType).toBe("builtins.ValueError");
    expect(realm.loggedIn).toEqual([]);
    expect(await (await login<NamedAvatar>(client, alice, new RecordingMind())).callRemote("whoami")).toBe("alice");
  });

  test("that closes the connection while the realm calls it is logged out", async () => {
    const fixture = new LoginFixture();
    const { client } = fixture.connect();
    class DisconnectingMind extends Referenceable {
      async remote_ping() {
        await client.close();
        return 1;
      }
    }
    const realm = fixture.realm;
    realm.requestAvatar = async (id, mind) => {
      realm.loggedIn.push(id as string);
      const logout = () => void realm.loggedIn.pop();
      await mind?.callRemote("ping", 1).catch(() => undefined);
      return { avatar: new NamedAvatar(id as string, mind), logout };
    };
    await errorOf(login(client, alice, new DisconnectingMind()));
    await deliverPending();
    expect(realm.loggedIn).toEqual([]);
  });

  test("that is not a reference to an object of the client is refused", async () => {
    const fixture = new LoginFixture([users(), new AllowAnonymousAccess()]);
    const { client } = fixture.connect();
    const root = await client.getRootObject();
    for (const mind of [7, "x", [], {}, root]) {
      const { challenge, respond } = await challengeFor(client, bytes("alice"));
      expect((await errorOf(respond(classicResponse(challenge, "secret"), mind))).remoteType).toBe(
        "builtins.TypeError",
      );
      expect((await errorOf(root.callRemote("loginAnonymous", mind))).remoteType).toBe("builtins.TypeError");
    }
    expect(fixture.realm.requests).toEqual([]);
  });
});

describe("a session", () => {
  test("reports an error of a checker to onEvent, and reveals no details to the client", async () => {
    const fail = () => {
      throw new Error("cannot connect to postgres://root:hush@db");
    };
    const fixture = new LoginFixture([
      new PasswordChecker({ stores: ["md5", "scram-sha-256"], find: fail }),
      new BearerTokenChecker(fail),
      new FunctionChecker("IAnonymous", fail),
    ]);
    const { client, links } = fixture.connect();
    const errors = [
      await errorOf(login(client, alice)),
      await errorOf(login(client, new BearerToken("x"))),
      await errorOf(login(client, new Anonymous())),
      await errorOf((await challengeFor(client, bytes("alice"))).respond(new Uint8Array(16))),
    ];
    for (const { message } of errors) expect(message).toBe("The login could not be checked");
    expect(Buffer.concat(links.listener.sent).toString("latin1")).not.toContain("postgres");
    expect(fixture.events.filter(({ kind }) => kind === "checker-failed")).toHaveLength(4);
  });

  test("does not count an error of a checker as a failed login", async () => {
    let isDown = true;
    const find = () => {
      if (isDown) throw new Error("down");
      return Md5Digest.of("secret");
    };
    const limits = { failuresPerName: 1, failuresPerNameMs: 3_600_000, failuresPerConnection: 1 };
    const { client } = new LoginFixture([new PasswordChecker({ stores: ["md5"], find })], { limits }).connect();
    for (let round = 0; round < 3; round++) await errorOf(login(client, alice));
    isDown = false;
    await login(client, alice);
  });

  test("puts no password, response, proof or token into events, errors or printed objects", async () => {
    const fixture = new LoginFixture([users(), new BearerTokenChecker(() => undefined)]);
    const { client, server } = fixture.connect();
    await login(client, new UsernamePassword("alice", "secret"));
    await errorOf(login(client, new UsernamePassword("alice", "wr0ng")));
    await errorOf(login(client, new BearerToken("t0ken")));
    const { challenge, respond } = await challengeFor(client, bytes("alice"));
    const response = classicResponse(challenge, "secret");
    await errorOf(respond(response, 7));
    const errors = [await errorOf(login(client, new UsernamePassword("alice", "wr0ng")))];
    const seen = inspect([fixture.events, fixture.brokerEvents, fixture.portal, server, client, errors], { depth: 12 });
    for (const hidden of ["secret", "wr0ng", "t0ken", "Uint8Array"]) expect(seen).not.toContain(hidden);
    expect(fixture.events.map(({ kind }) => kind)).toContain("login-failed");
  });

  test("ignores an error of onEvent", async () => {
    const onEvent = () => {
      throw new Error("disk full");
    };
    const fixture = new LoginFixture([users()], { onEvent });
    const { client } = fixture.connect();
    await errorOf(login(client, wrongPassword));
    (await login(client, alice))[Symbol.dispose]();
    await deliverPending();
    expect(fixture.realm.loggedOut).toEqual(["alice"]);
  });
});

test("the name in an event can be printed, whatever the client has sent", async () => {
  const fixture = new LoginFixture([users()]);
  await errorOf(login(fixture.connect().client, new UsernamePassword("x\n\u001b[2K\u202eroot logged in", "wrong")));
  expect(fixture.events).toMatchObject([{ username: "x\\n\\x1b[2K\\u{202e}root logged in" }]);
});

test("refused logins are counted, and few of them are reported", async () => {
  const fixture = new LoginFixture([users()], { limits: { failuresPerConnection: 1 } });
  const { client } = fixture.connect();
  await errorOf(login(client, wrongPassword));
  for (let round = 0; round < 100; round++) expect(await errorOf(login(client, alice))).toBeInstanceOf(LoginDenied);
  const refusals = fixture.events.map((event) => (event.kind === "login-failed" ? event.refusals : event));
  expect(refusals).toEqual([undefined, 1, 2, 4, 8, 16, 32, 64]);
});

class RefusingRealm extends RecordingRealm {
  override requestAvatar(): never {
    throw new LoginDenied("no");
  }
}

test.each([
  ["no checker accepts", new LoginFixture([users()])],
  ["the realm refuses", new LoginFixture([new AllowAnonymousAccess()], {}, new RefusingRealm())],
])("anonymous logins that %s are counted too", async (_, fixture) => {
  const { client } = fixture.connect();
  for (let round = 0; round < 100; round++) await errorOf(login(client, new Anonymous()));
  const refusals = fixture.events.map((event) => (event.kind === "login-failed" ? event.refusals : event));
  expect(refusals).toEqual([1, 2, 4, 8, 16, 32, 64]);
});

test("before a login, only the methods of the login objects can be called", async () => {
  const { client, server } = new LoginFixture().connect();
  const { challenger } = await challengeFor(client, bytes("alice"));
  const { exchange } = await scramFor(client, "alice", "secret");
  const objects = [await client.getRootObject(), await client.getObject("pbx.login"), challenger, exchange];
  for (const object of objects) {
    for (const method of [
      "constructor",
      "receiveCall",
      "session",
      "begin",
      "admit",
      "attempt",
      "logIn",
      "publish",
      "__proto__",
      "#session",
    ]) {
      expect((await errorOf(object.callRemote(method))).remoteType).toBe("twisted.spread.flavors.NoSuchMethod");
    }
  }
  expect(server.isOpen).toBe(true);
});
