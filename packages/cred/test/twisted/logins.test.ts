// Logins between this package and a real Twisted.

import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { Referenceable, Viewable } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { connect, listen } from "@pb/node-transport";
import {
  AllowAnonymousAccess,
  Anonymous,
  ANONYMOUS,
  BearerToken,
  InMemoryUsernamePasswordChecker,
  login,
  LoginDenied,
  NotImplementedError,
  Portal,
  UnauthorizedLogin,
  UnhandledCredentials,
  UsernamePassword,
} from "@pb/cred";
import type { Login, LoginEvent, Realm } from "@pb/cred";
import { Program } from "../../../../tools/process/program.js";
import { noTwisted, pythonEnvironment } from "../../../../tools/twisted/twisted.js";
import type { Twisted } from "../../../../tools/twisted/twisted.js";
import { errorOf, NamedAvatar, RecordingMind } from "../support.js";

const script = fileURLToPath(new URL("logins.py", import.meta.url));

function start({ python }: Twisted, ...args: string[]): Program {
  return new Program("Twisted's program", [python, script, ...args], { env: pythonEnvironment() });
}

const twisteds = inject("twisteds");

test("a Twisted is installed to test logins with", ({ skip }) => {
  skip(twisteds.length === 0, noTwisted);
  expect(twisteds.length).toBeGreaterThan(0);
});

describe.skipIf(twisteds.length === 0).each(twisteds)("our client with a portal of Twisted $version", (twisted) => {
  let server: Program;
  let [open, closed] = [0, 0];

  beforeAll(async () => {
    server = start(twisted, "server");
    [open, closed] = (await server.nextJson<any>()).listening;
  });
  afterAll(() => server.stop());

  const up = (name: string, password: string) => new UsernamePassword(name, password);

  test("logs in with a name and a password, with a mind, and several times", async () => {
    await using connection = await connect(`tcp:127.0.0.1:${open}`);
    const mind = new RecordingMind();
    const alice = await login(connection, up("alice", "secret"), mind);
    expect(Buffer.from((await alice.callRemote("whoami")) as Uint8Array).toString()).toBe("alice");
    expect(await alice.callRemote("ask_mind", 41)).toBe(42);
    expect(mind.pings).toEqual([41]);
    const zoe = await login(connection, up("zoë", "päss"));
    const view = (await zoe.callRemote("get_view")) as RemoteReference;
    expect(Buffer.from((await view.callRemote("who")) as Uint8Array).toString()).toBe("zoë");
    const desk = await login(connection, up("desk", "drawer"));
    expect(Buffer.from((await desk.callRemote("whoami")) as Uint8Array).toString()).toBe("desk");
  });

  test("logs in anonymously, and logs out by releasing the avatar", async () => {
    await using connection = await connect(`tcp:127.0.0.1:${open}`);
    const observer = await login(connection, new Anonymous());
    const alice = await login(connection, up("alice", "secret"));
    const loggedIn = async () =>
      ((await observer.callRemote("loggedIn")) as Uint8Array[]).map((name) => Buffer.from(name).toString());
    expect(await loggedIn()).toContain("alice");
    alice[Symbol.dispose]();
    expect(await loggedIn()).not.toContain("alice");
  });

  test.each([
    ["a wrong password", up("alice", "wrong"), UnauthorizedLogin, "The name or the password is wrong"],
    ["an unknown name", up("mallory", "secret"), UnauthorizedLogin, "The name or the password is wrong"],
    ["a realm that refuses", up("eve", "apple"), LoginDenied, "Not on Sundays"],
    ["a realm that has no avatar", up("mail", "stamp"), NotImplementedError, "No avatar for that"],
    ["a bearer token", new BearerToken("x"), UnhandledCredentials, "The server does not accept bearer tokens"],
  ])("rejects %s with an error of the matching class", async (_what, credentials, type, message) => {
    await using connection = await connect(`tcp:127.0.0.1:${open}`);
    const error = await errorOf(login(connection, credentials, null, { allowUnencryptedToken: true }));
    expect(error).toBeInstanceOf(type);
    expect(error.message).toBe(message);
    await login(connection, new Anonymous());
  });

  test("sends large calls that are made during the login after it", async () => {
    await using connection = await connect(`tcp:127.0.0.1:${open}`);
    const root = await connection.getRootObject();
    const order: string[] = [];
    const avatar = login(connection, up("alice", "secret")).finally(() => order.push("login"));
    const large = errorOf(root.callRemote("no", new Uint8Array(600_000))).finally(() => order.push("call"));
    expect(await large).toMatchObject({ remoteType: "twisted.spread.flavors.NoSuchMethod" });
    expect(order).toEqual(["login", "call"]);
    expect(Buffer.from((await (await avatar).callRemote("whoami")) as Uint8Array).toString()).toBe("alice");
  });

  test("rejects credentials for which the portal has no checker", async () => {
    await using connection = await connect(`tcp:127.0.0.1:${closed}`);
    const errors = [
      await errorOf(login(connection, new Anonymous())),
      await errorOf(login(connection, up("alice", "secret"))),
    ];
    for (const error of errors) expect(error).toBeInstanceOf(UnhandledCredentials);
    expect(errors.map(({ message }) => message)).toEqual([
      "No checker for twisted.cred.credentials.IAnonymous",
      "No checker for twisted.cred.credentials.IUsernameHashedPassword, twisted.spread.pb.IUsernameMD5Password, twisted.spread.interfaces.IJellyable",
    ]);
  });

  test("rejects the login when it requires SCRAM", async () => {
    await using connection = await connect(`tcp:127.0.0.1:${open}`);
    const error = await errorOf(login(connection, up("alice", "secret"), null, { minimum: "scram-sha-256" }));
    expect(error).toMatchObject({ name: "LoginFailed", code: "LOGIN_TOO_WEAK" });
  });

  test("asks for SCRAM without an entry in the log of Twisted", async () => {
    await using connection = await connect(`tcp:127.0.0.1:${open}`);
    const observer = await login(connection, new Anonymous());
    const before = (await observer.callRemote("logged")) as string[];
    await login(connection, up("alice", "secret"));
    await errorOf(login(connection, up("alice", "secret"), null, { minimum: "scram-sha-256" }));
    expect(await observer.callRemote("logged")).toEqual(before);
  });
});

/** The same realm as in logins.py. */
class TestRealm implements Realm {
  readonly loggedIn: string[] = [];
  readonly view = new View();

  requestAvatar(avatarId: string | typeof ANONYMOUS, mind: RemoteReference | null): Login {
    const name = avatarId === ANONYMOUS ? "anonymous" : avatarId;
    if (name === "eve") throw new LoginDenied("Not on Sundays");
    if (name === "mail") throw new NotImplementedError("No avatar for that");
    this.loggedIn.push(name);
    const logout = () => void this.loggedIn.splice(this.loggedIn.indexOf(name), 1);
    return { avatar: name === "desk" ? new Desk() : new Guest(name, mind, this), logout };
  }
}

class View extends Viewable {
  view_who(guest: Guest) {
    return guest.name;
  }
}

class Guest extends NamedAvatar {
  readonly #realm: TestRealm;

  constructor(name: string, mind: RemoteReference | null, realm: TestRealm) {
    super(name, mind);
    this.#realm = realm;
  }

  perspective_getView() {
    return this.#realm.view;
  }

  perspective_loggedIn() {
    return this.#realm.loggedIn.toSorted();
  }
}

class Desk extends Referenceable {
  remote_whoami() {
    return "desk";
  }
}

describe.skipIf(twisteds.length === 0).each(twisteds)("a client of Twisted $version with our portal", (twisted) => {
  let results: Record<string, any>;
  const realm = new TestRealm();
  const events: LoginEvent[] = [];

  beforeAll(async () => {
    const users = new InMemoryUsernamePasswordChecker({ alice: "secret", eve: "apple", mail: "stamp", desk: "drawer" });
    const portal = new Portal(realm, [users, new AllowAnonymousAccess()], { onEvent: (event) => events.push(event) });
    await using server = await listen("tcp:0:interface=127.0.0.1", portal);
    await using client = start(twisted, "client", `${server.port}`);
    results = await client.nextJson<any>();
  });

  test("logs in with a name and a password, with a mind, anonymously, and to a Referenceable", () => {
    expect(results).toMatchObject({ alice: "alice", mind: 42, view: "alice", anonymous: "anonymous", desk: "desk" });
  });

  test("is logged out when it releases the avatar, and when the connection ends", () => {
    expect(results).toMatchObject({ "logged in": ["alice", "anonymous", "desk"], "logged in later": ["alice"] });
    expect(realm.loggedIn).toEqual([]);
    expect(events.filter(({ kind }) => kind === "login")).toHaveLength(4);
    expect(events.filter(({ kind }) => kind === "logout")).toHaveLength(4);
  });

  test("receives errors under the names that Twisted traps", () => {
    const unauthorized = {
      type: "twisted.cred.error.UnauthorizedLogin",
      value: "",
      traps: ["UnauthorizedLogin", "LoginFailed"],
      parents: [
        "twisted.cred.error.UnauthorizedLogin",
        "twisted.cred.error.LoginFailed",
        "twisted.cred.error.Unauthorized",
        "builtins.Exception",
        "builtins.BaseException",
        "builtins.object",
      ],
    };
    expect(results).toMatchObject({
      wrong: unauthorized,
      unknown: unauthorized,
      replay: unauthorized, // Twisted's own portal accepts it
      denied: {
        type: "twisted.cred.error.LoginDenied",
        value: "Not on Sundays",
        traps: ["LoginDenied", "LoginFailed"],
      },
      "not implemented": { type: "builtins.NotImplementedError", value: "No avatar for that", traps: [] },
    });
  });
});
