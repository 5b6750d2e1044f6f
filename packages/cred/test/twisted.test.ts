// Logins with a real Twisted at the other end.

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
import { Program } from "../../../tools/process/program.js";
import { noTwisted, pythonEnvironment } from "../../../tools/twisted/twisted.js";
import type { Twisted } from "../../../tools/twisted/twisted.js";
import { errorOf, Mindful, Person } from "./support.js";

const script = fileURLToPath(new URL("twisted_login.py", import.meta.url));

function start({ python }: Twisted, ...args: string[]): Program {
  return new Program("Twisted's program", [python, script, ...args], { env: pythonEnvironment() });
}

/** What the program reports in its first line. */
async function report(program: Program): Promise<any> {
  const line = await program.nextLine();
  if (line === undefined) throw await program.failure("exited");
  return JSON.parse(line);
}

const twisteds = inject("twisteds");

test("there is a Twisted to judge logins", ({ skip }) => {
  skip(twisteds.length === 0, noTwisted);
  expect(twisteds.length).toBeGreaterThan(0);
});

describe.skipIf(twisteds.length === 0).each(twisteds)("our client and a portal of Twisted $version", (twisted) => {
  let server: Program;
  let [open, closed] = [0, 0];

  beforeAll(async () => {
    server = start(twisted, "server");
    [open, closed] = (await report(server)).listening;
  });
  afterAll(() => server.stop());

  const up = (name: string, password: string) => new UsernamePassword(name, password);

  test("log in with name and password, with a mind, and more than once", async () => {
    await using connection = await connect(`tcp:127.0.0.1:${open}`);
    const mind = new Mindful();
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

  test("log in as nobody in particular, and log out by giving the avatar back", async () => {
    await using connection = await connect(`tcp:127.0.0.1:${open}`);
    const watching = await login(connection, new Anonymous());
    const alice = await login(connection, up("alice", "secret"));
    const inside = async () =>
      ((await watching.callRemote("inside")) as Uint8Array[]).map((name) => Buffer.from(name).toString());
    expect(await inside()).toContain("alice");
    alice[Symbol.dispose]();
    expect(await inside()).not.toContain("alice");
  });

  test.each([
    ["a wrong password", up("alice", "wrong"), UnauthorizedLogin, "The name or the password is wrong"],
    ["a name that nobody has", up("mallory", "secret"), UnauthorizedLogin, "The name or the password is wrong"],
    ["a realm that refuses", up("eve", "apple"), LoginDenied, "Not on Sundays"],
    ["a realm that has no such avatar", up("mail", "stamp"), NotImplementedError, "No avatar for that"],
    [
      "a token, on a connection that is said to be safe",
      new BearerToken("x"),
      UnhandledCredentials,
      "The server takes no bearer tokens",
    ],
  ])("tell about %s by the class of the error", async (_what, credentials, type, message) => {
    await using connection = await connect(`tcp:127.0.0.1:${open}`);
    const error = await errorOf(login(connection, credentials, null, { allowUnencryptedToken: true }));
    expect(error).toBeInstanceOf(type);
    expect(error.message).toBe(message);
    await login(connection, new Anonymous());
  });

  test("tell about credentials that nobody checks", async () => {
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

  test("do not use a weaker login than wanted, and Twisted learns nothing", async () => {
    await using connection = await connect(`tcp:127.0.0.1:${open}`);
    const error = await errorOf(login(connection, up("alice", "secret"), null, { minimum: "scram-sha-256" }));
    expect(error).toMatchObject({ name: "LoginFailed", code: "LOGIN_TOO_WEAK" });
  });

  test("do not disturb each other: asking for the better login is not logged", async () => {
    await using connection = await connect(`tcp:127.0.0.1:${open}`);
    const watching = await login(connection, new Anonymous());
    const before = (await watching.callRemote("logged")) as string[];
    await login(connection, up("alice", "secret"));
    await errorOf(login(connection, up("alice", "secret"), null, { minimum: "scram-sha-256" }));
    expect(await watching.callRemote("logged")).toEqual(before);
  });
});

/** The same house as Twisted's half has. */
class House implements Realm {
  readonly inside: string[] = [];
  readonly view = new View();

  requestAvatar(avatarId: string | typeof ANONYMOUS, mind: RemoteReference | null): Login {
    const name = avatarId === ANONYMOUS ? "anonymous" : avatarId;
    if (name === "eve") throw new LoginDenied("Not on Sundays");
    if (name === "mail") throw new NotImplementedError("No avatar for that");
    this.inside.push(name);
    const logout = () => void this.inside.splice(this.inside.indexOf(name), 1);
    return { avatar: name === "desk" ? new Desk() : new Guest(name, mind, this), logout };
  }
}

class View extends Viewable {
  view_who(guest: Guest) {
    return guest.name;
  }
}

class Guest extends Person {
  readonly #house: House;

  constructor(name: string, mind: RemoteReference | null, house: House) {
    super(name, mind);
    this.#house = house;
  }

  perspective_getView() {
    return this.#house.view;
  }

  perspective_inside() {
    return this.#house.inside.toSorted();
  }
}

class Desk extends Referenceable {
  remote_whoami() {
    return "desk";
  }
}

describe.skipIf(twisteds.length === 0).each(twisteds)("a client of Twisted $version and our portal", (twisted) => {
  let told: Record<string, any>;
  const house = new House();
  const events: LoginEvent[] = [];

  beforeAll(async () => {
    const users = new InMemoryUsernamePasswordChecker({ alice: "secret", eve: "apple", mail: "stamp", desk: "drawer" });
    const portal = new Portal(house, [users, new AllowAnonymousAccess()], { onEvent: (event) => events.push(event) });
    await using server = await listen("tcp:0:interface=127.0.0.1", portal);
    await using client = start(twisted, "client", `${server.port}`);
    told = await report(client);
  });

  test("log in with name and password, with a mind, as nobody, and to a Referenceable", () => {
    expect(told).toMatchObject({ alice: "alice", mind: 42, view: "alice", anonymous: "anonymous", desk: "desk" });
  });

  test("log out when the avatar is given back, and when the connection ends", () => {
    expect(told).toMatchObject({ inside: ["alice", "anonymous", "desk"], "inside later": ["alice"] });
    expect(house.inside).toEqual([]);
    expect(events.filter(({ kind }) => kind === "login")).toHaveLength(4);
    expect(events.filter(({ kind }) => kind === "logout")).toHaveLength(4);
  });

  test("tell about failures by the names that Twisted traps", () => {
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
    expect(told).toMatchObject({
      wrong: unauthorized,
      unknown: unauthorized,
      replay: unauthorized, // Twisted's own portal lets it in
      denied: {
        type: "twisted.cred.error.LoginDenied",
        value: "Not on Sundays",
        traps: ["LoginDenied", "LoginFailed"],
      },
      "not implemented": { type: "builtins.NotImplementedError", value: "No avatar for that", traps: [] },
    });
  });
});
