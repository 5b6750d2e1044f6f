import { describe, expect, test, vi } from "vitest";
import {
  Broker,
  CallTimeoutError,
  ConnectionLostError,
  PBError,
  Referenceable,
  RemoteError,
  RemoteReference,
  Viewable,
} from "@pb/broker";
import { linkPair } from "@pb/broker/testing";
import {
  AllowAnonymousAccess,
  Anonymous,
  ANONYMOUS,
  BearerToken,
  BearerTokenChecker,
  IPerspective,
  login,
  LoginDenied,
  LoginFailed,
  Md5Digest,
  NotImplementedError,
  PasswordChecker,
  ScramVerifier,
  UnauthorizedLogin,
  UnhandledCredentials,
  UsernamePassword,
} from "@pb/cred";
import type { Login, Mind } from "@pb/cred";
import { pinReceivedValues } from "../../../tools/gc/pin-received-values.js";
import {
  brokers,
  classicResponse,
  errorOf,
  House,
  iterations,
  Mindful,
  Person,
  settle,
  Stage,
  users,
} from "./support.js";

const alice = new UsernamePassword("alice", "secret");
const bob = new UsernamePassword("bob", "hunter2");
const binding = (bytes: number[], types = ["tls-exporter"]) => ({
  isEncrypted: true,
  channelBinding: (type: string) => (types.includes(type) ? new Uint8Array(bytes) : undefined),
});

/** A checker for PB's own login only, as Twisted's servers have. */
const classicUsers = () =>
  new PasswordChecker({ stores: ["md5"], find: (name) => (name === "alice" ? Md5Digest.of("secret") : undefined) });

describe("a login", () => {
  test("with name and password opens the avatar the realm has for it", async () => {
    const stage = new Stage();
    const { client } = stage.connect();
    const avatar = await login<Person>(client, alice);
    expect(await avatar.callRemote("whoami")).toBe("alice");
    expect(stage.house.asked).toEqual([["alice", null, [IPerspective]]]);
    expect(stage.mechanisms).toEqual(["scram-sha-256"]);
  });

  test("takes bytes for name and password", async () => {
    const { client } = new Stage().connect();
    const avatar = await login<Person>(client, new UsernamePassword(Buffer.from("alice"), Buffer.from("secret")));
    expect(await avatar.callRemote("whoami")).toBe("alice");
  });

  test("as nobody in particular needs a checker for that", async () => {
    const stage = new Stage([new AllowAnonymousAccess()]);
    const avatar = await login<Person>(stage.connect().client, new Anonymous());
    expect(await avatar.callRemote("whoami")).toBe("anonymous");
    expect(stage.house.asked[0]![0]).toBe(ANONYMOUS);
    const error = await errorOf(login(new Stage().connect().client, new Anonymous()));
    expect(error).toBeInstanceOf(UnhandledCredentials);
    expect(error.message).toBe("No checker for twisted.cred.credentials.IAnonymous");
  });

  test("with a wrong password, or a name that nobody has, fails in the same way and leaves the connection usable", async () => {
    const { client } = new Stage().connect();
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
    expect(await (await login<Person>(client, alice)).callRemote("whoami")).toBe("alice");
  });

  test("brings a mind that the avatar can call, and that keeps its identity", async () => {
    const stage = new Stage();
    const { client } = stage.connect();
    const mind = new Mindful();
    const avatar = await login<Person>(client, alice, mind);
    expect(await avatar.callRemote("askMind", 41)).toBe(42);
    expect(mind.pings).toEqual([41]);
    expect(stage.house.asked[0]![1]).toBeInstanceOf(RemoteReference);
  });

  test("brings a mind that lives as long as its connection", async () => {
    const stage = new Stage();
    const { client } = stage.connect();
    await login(client, alice, new Mindful());
    const mind = stage.house.asked[0]![1]!;
    await client.close();
    await settle();
    expect(mind.isAlive).toBe(false);
  });

  test("may be repeated on one connection: everybody has an avatar of their own", async () => {
    const stage = new Stage([users(), new AllowAnonymousAccess()]);
    const { client } = stage.connect();
    const all = await Promise.all([
      login<Person>(client, alice),
      login<Person>(client, bob),
      login<Person>(client, new Anonymous()),
      login<Person>(client, alice),
    ]);
    expect(await Promise.all(all.map((avatar) => avatar.callRemote("whoami")))).toEqual([
      "alice",
      "bob",
      "anonymous",
      "alice",
    ]);
    expect(new Set(all.map(({ id }) => id)).size).toBe(4);
    expect(stage.house.inside.sort()).toEqual(["alice", "alice", "anonymous", "bob"]);
  });

  test("may open any Referenceable, which comes home as itself", async () => {
    class Desk extends Referenceable {
      remote_isMe(desk: unknown) {
        return desk === this;
      }
    }
    const house = new (class extends House {
      override requestAvatar = () => ({ avatar: new Desk() });
    })();
    const avatar = await login<Desk>(new Stage([users()], {}, house).connect().client, alice);
    expect(await avatar.callRemote("isMe", avatar)).toBe(true);
  });

  test("decides what the avatar's Viewables show", async () => {
    class Board extends Viewable {
      view_who(person: Person) {
        return person.name;
      }
    }
    const board = new Board();
    class Reader extends Person {
      perspective_board() {
        return board as unknown as RemoteReference<{ who(): string }>;
      }
    }
    const house = new (class extends House {
      override requestAvatar = (id: unknown, mind: Mind) => ({ avatar: new Reader(id as string, mind) });
    })();
    const { client } = new Stage([users()], {}, house).connect();
    const [a, b] = await Promise.all([login<Reader>(client, alice), login<Reader>(client, bob)]);
    const boards = [await a.callRemote("board"), await b.callRemote("board")] as RemoteReference[];
    expect(await Promise.all(boards.map((one) => one.callRemote("who")))).toEqual(["alice", "bob"]);
  });

  test.each([
    [new LoginDenied("Not on Sundays"), LoginDenied, "Not on Sundays"],
    [new NotImplementedError("No avatar for IPerspective"), NotImplementedError, "No avatar for IPerspective"],
    [new PBError("The house burns"), RemoteError, "The house burns"],
  ])("is refused by the realm with %s", async (thrown, type, message) => {
    for (const answer of [
      () => {
        throw thrown;
      },
      () => Promise.reject(thrown),
    ]) {
      const house = new (class extends House {
        override requestAvatar = answer;
      })();
      const stage = new Stage([users()], {}, house);
      const error = await errorOf(login(stage.connect().client, alice));
      expect(error).toBeInstanceOf(type);
      expect(error.message).toBe(message);
      expect(stage.brokerEvents).toEqual([]);
      expect(stage.events).toMatchObject([{ kind: "login-failed", username: "alice", error: thrown }]);
    }
  });

  test("waits for checkers and realms that take their time", async () => {
    const slow = <T>(value: T) => new Promise<T>((resolve) => setTimeout(() => resolve(value), 5));
    const house = new (class extends House {
      override requestAvatar(...args: Parameters<House["requestAvatar"]>) {
        return slow(super.requestAvatar(...args)) as Promise<Login>;
      }
    })();
    const checker = new PasswordChecker({ stores: ["md5"], find: () => slow(Md5Digest.of("secret")) });
    const avatar = await login<Person>(new Stage([checker], {}, house).connect().client, alice);
    expect(await avatar.callRemote("whoami")).toBe("alice");
  });

  test("gives up when nobody waits any more, and gives back what comes too late", async () => {
    let open!: (login: Login) => void;
    const house = new (class extends House {
      override requestAvatar = () => new Promise<Login>((resolve) => (open = resolve));
    })();
    const stage = new Stage([users()], {}, house);
    const { client, server } = stage.connect();
    const late = new AbortController();
    const tooLate = errorOf(login(client, alice, null, { signal: late.signal }));
    await vi.waitFor(() => expect(open).toBeDefined(), { timeout: 120_000 });
    late.abort(new Error("too late"));
    expect((await tooLate).message).toBe("too late");
    const logout = vi.fn();
    open({ avatar: new Person("alice", null), logout });
    await settle();
    expect(logout).toHaveBeenCalledTimes(1);
    const controller = new AbortController();
    const waiting = errorOf(login(client, bob, null, { signal: controller.signal }));
    controller.abort(new Error("changed my mind"));
    expect((await waiting).message).toBe("changed my mind");
    expect((await errorOf(login(client, bob, null, { signal: controller.signal }))).message).toBe("changed my mind");
    await settle();
    expect(server.stats()).toMatchObject({ referencesGiven: 0 });
    expect(await errorOf(login(client, bob, null, { timeoutMs: 20 }))).toBeInstanceOf(CallTimeoutError);
  });

  test.each([
    ["SCRAM", users],
    ["PB's own login", classicUsers],
  ])("by %s leaves nothing behind once everything is given back", async (_by, checker) => {
    const stage = new Stage([checker(), new AllowAnonymousAccess()]);
    const { client, server } = stage.connect();
    await errorOf(login(client, new UsernamePassword("alice", "wrong")));
    (await login(client, alice))[Symbol.dispose]();
    (await login(client, new Anonymous()))[Symbol.dispose]();
    await settle();
    expect(server.stats()).toMatchObject({ referencesGiven: 0, referencesHeld: 0, callsRunning: 0 });
    expect(client.stats()).toMatchObject({ referencesGiven: 0, referencesHeld: 0, callsWaiting: 0 });
    expect(stage.house.inside).toEqual([]);
  });
});

describe("a logout", () => {
  test("comes with the last reference to the avatar", async () => {
    const stage = new Stage();
    const { client } = stage.connect();
    const avatar = await login(client, alice);
    avatar[Symbol.dispose]();
    await settle();
    expect(stage.house.loggedOut).toEqual(["alice"]);
    await client.close();
    await settle();
    expect(stage.house.loggedOut).toEqual(["alice"]);
    expect(stage.events.map(({ kind }) => kind)).toEqual(["login", "logout"]);
  });

  test("comes with the end of the connection, however it ends, once for each login", async () => {
    for (const end of ["close", "cut", "server"] as const) {
      const stage = new Stage();
      const { client, server, links } = stage.connect();
      await Promise.all([login(client, alice), login(client, bob), login(client, alice)]);
      if (end === "close") await client.close();
      else if (end === "cut") links.listener.cut();
      else await server.close();
      await settle();
      expect(stage.house.loggedOut.sort()).toEqual(["alice", "alice", "bob"]);
      expect(stage.house.inside).toEqual([]);
    }
  });

  test("comes once when the realm has the same avatar for everybody", async () => {
    using _kept = pinReceivedValues();
    const shared = new Person("everybody", null);
    const loggedOut: unknown[] = [];
    const house = new (class extends House {
      override requestAvatar = (id: unknown) => ({ avatar: shared, logout: () => void loggedOut.push(id) });
    })();
    const { client } = new Stage([users()], {}, house).connect();
    const [one] = await Promise.all([login(client, alice), login(client, bob)]);
    one[Symbol.dispose]();
    await settle();
    expect(loggedOut).toEqual(["alice"]);
    await client.close();
    await settle();
    expect(loggedOut).toEqual(["alice", "bob"]);
  });

  test("leaves no notifier with the connection", async () => {
    const watchers = new Set<unknown>();
    const { server, client } = brokers({});
    const watched = Object.create(server, {
      isOpen: { get: () => server.isOpen },
      peer: { get: () => server.peer },
      publish: { value: server.publish.bind(server) },
      admitLogin: { value: server.admitLogin.bind(server) },
      notifyOnDisconnect: {
        value: (callback: unknown) => {
          watchers.add(callback);
          return { [Symbol.dispose]: () => watchers.delete(callback) };
        },
      },
    }) as Broker;
    await server.ready;
    const stage = new Stage([new AllowAnonymousAccess()]);
    server.publish("root", stage.portal.rootObject(watched));
    const before = watchers.size;
    const avatar = await login(client, new Anonymous());
    expect(watchers.size).toBe(before + 1);
    avatar[Symbol.dispose]();
    await settle();
    expect(watchers.size).toBe(before);
  });

  test("comes even when the realm answers after the connection is gone", async () => {
    let open!: (login: Login) => void;
    const house = new (class extends House {
      override requestAvatar = () => new Promise<Login>((resolve) => (open = resolve));
    })();
    const stage = new Stage([users()], {}, house);
    const { client, links } = stage.connect();
    const failure = errorOf(login(client, alice));
    await vi.waitFor(() => expect(open).toBeDefined(), { timeout: 120_000 });
    links.listener.cut();
    expect(await failure).toBeInstanceOf(ConnectionLostError);
    const logout = vi.fn();
    open({ avatar: new Person("alice", null), logout });
    await settle();
    expect(logout).toHaveBeenCalledTimes(1);
    expect(stage.events.map(({ kind }) => kind)).toEqual(["logout"]);
  });

  test("is not needed when the checker answers after the connection is gone: the realm is not asked", async () => {
    let answer!: (stored: Md5Digest) => void;
    const find = () => new Promise<Md5Digest>((resolve) => (answer = resolve));
    const stage = new Stage([new PasswordChecker({ stores: ["md5"], find })]);
    const { client, links } = stage.connect();
    const failure = errorOf(login(client, alice));
    await vi.waitFor(() => expect(answer).toBeDefined(), { timeout: 120_000 });
    links.initiator.cut();
    await failure;
    answer(Md5Digest.of("secret"));
    await settle();
    expect(stage.house.asked).toEqual([]);
  });

  test("comes at the end of the connection when the avatar could not be sent", async () => {
    const stage = new Stage([new AllowAnonymousAccess()]);
    const links = linkPair();
    const server = new Broker(links.listener, { root: stage.portal, limits: { references: 1 } });
    const client = new Broker(links.initiator);
    await login(client, new Anonymous());
    expect((await errorOf(login(client, new Anonymous()))).message).toContain("Maximum PB reference count");
    await server.close();
    await settle();
    expect(stage.house.loggedOut).toEqual(["anonymous", "anonymous"]);
  });

  test.each([
    [
      "throws",
      () => {
        throw new Error("out of order");
      },
    ],
    ["rejects", () => Promise.reject(new Error("out of order"))],
  ])("that %s is told to the watcher, and disturbs nobody else", async (_how, logout) => {
    using _kept = pinReceivedValues();
    const house = new (class extends House {
      override requestAvatar(...args: Parameters<House["requestAvatar"]>) {
        const made = super.requestAvatar(...args) as Login;
        return args[0] === "alice" ? { ...made, logout } : made;
      }
    })();
    const stage = new Stage([users()], {}, house);
    const { client, server } = stage.connect();
    const [a] = await Promise.all([login(client, alice), login<Person>(client, bob), login(client, alice)]);
    a[Symbol.dispose]();
    await settle();
    expect(stage.events.at(-1)).toMatchObject({
      kind: "logout-failed",
      avatarId: "alice",
      error: { message: "out of order" },
    });
    expect(server.isOpen).toBe(true);
    await client.close();
    await settle();
    expect(stage.events.filter(({ kind }) => kind === "logout-failed")).toHaveLength(2);
    expect(house.loggedOut).toEqual(["bob"]);
  });
});

describe("the better login", () => {
  test("is taken where the server has it, and PB's own one where not", async () => {
    const old = new Stage([classicUsers()]);
    expect(await (await login<Person>(old.connect().client, alice)).callRemote("whoami")).toBe("alice");
    expect(old.mechanisms).toEqual(["classic"]);
    const error = await errorOf(login(old.connect().client, new UsernamePassword("alice", "wrong")));
    expect(error).toBeInstanceOf(UnauthorizedLogin);
  });

  test("can be insisted on", async () => {
    const old = new Stage([classicUsers()]);
    const { client, links } = old.connect();
    const error = await errorOf(login(client, alice, null, { minimum: "scram-sha-256" }));
    expect(error).toMatchObject({ name: "LoginFailed", code: "LOGIN_TOO_WEAK" });
    expect(Buffer.concat(links.initiator.sent).toString("latin1")).not.toContain("respond");
    const { client: other } = new Stage().connect();
    await login(other, alice, null, { minimum: "scram-sha-256" });
    expect(await errorOf(login(other, alice, null, { minimum: "scram-sha-256-plus" }))).toMatchObject({
      code: "LOGIN_TOO_WEAK",
    });
  });

  test("never gives way to a weaker one because the password is wrong", async () => {
    const stage = new Stage();
    const { client, links } = stage.connect();
    await errorOf(login(client, new UsernamePassword("alice", "wrong")));
    expect(stage.events.map((event) => "mechanism" in event && event.mechanism)).toEqual(["scram-sha-256"]);
    expect(Buffer.concat(links.initiator.sent).toString("latin1")).not.toContain("respond");
  });

  test("proves the server before it sees the mind", async () => {
    // Somebody who does not know the password lets the login succeed all the same.
    const forged = new (class extends Referenceable {
      async remote_scram(message: Uint8Array) {
        const [, nonce = ""] = /r=(.*)$/.exec(Buffer.from(message).toString())!;
        const text = `r=${nonce}xyz,s=AAAAAAAAAAAAAAAAAAAAAA==,i=4096`;
        return [Buffer.from(text), new Forger()];
      }
    })();
    const entered = vi.fn();
    class Forger extends Referenceable {
      remote_finish() {
        return [Buffer.from("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="), new Forger()];
      }
      remote_enter = entered;
    }
    const links = linkPair();
    new Broker(links.listener, {}).publish("pbx.login", forged);
    const client = new Broker(links.initiator);
    const error = await errorOf(login(client, alice, new Mindful()));
    expect(error).toMatchObject({ name: "LoginFailed", code: "LOGIN_SERVER_NOT_PROVEN" });
    expect(entered).not.toHaveBeenCalled();
    expect(client.stats()).toMatchObject({ referencesGiven: 0 });
  });

  test("does not answer for another login", async () => {
    for (const nonceFor of [() => "xyz", (nonce: string) => nonce, (nonce: string) => `x${nonce}`]) {
      const links = linkPair();
      const finish = vi.fn();
      const forged = new (class extends Referenceable {
        remote_scram(message: Uint8Array) {
          const [, nonce = ""] = /r=(.*)$/.exec(Buffer.from(message).toString())!;
          return [Buffer.from(`r=${nonceFor(nonce)},s=AAAA,i=4096`), this];
        }
        remote_finish = finish;
      })();
      new Broker(links.listener, {}).publish("pbx.login", forged);
      const error = await errorOf(login(new Broker(links.initiator), alice));
      expect(error).toMatchObject({ code: "LOGIN_MALFORMED" });
      expect(finish).not.toHaveBeenCalled();
    }
  });

  test.each([
    ["s=AAAA,i=4095", "LOGIN_TOO_WEAK"],
    ["s=AAAA,i=1", "LOGIN_TOO_WEAK"],
    ["s=AAAA,i=10000001", "LOGIN_MALFORMED"],
    ["s=AAAA", "LOGIN_MALFORMED"],
  ])("refuses a server that asks for %s", async (rest, code) => {
    const links = linkPair();
    const server = new Broker(links.listener, {});
    const finish = vi.fn();
    const forged = new (class extends Referenceable {
      remote_scram(message: Uint8Array) {
        const [, nonce = ""] = /r=(.*)$/.exec(Buffer.from(message).toString())!;
        return [Buffer.from(`r=${nonce}xyz,${rest}`), this];
      }
      remote_finish = finish;
    })();
    server.publish("pbx.login", forged);
    expect(await errorOf(login(new Broker(links.initiator), alice))).toMatchObject({ code });
    expect(finish).not.toHaveBeenCalled();
  });

  test.each([[null], [7], [[]], [["r=x,s=AAAA,i=4096"]], ["text"]])(
    "refuses a server that answers %j",
    async (answer) => {
      const links = linkPair();
      const server = new Broker(links.listener, {});
      server.publish(
        "pbx.login",
        new (class extends Referenceable {
          remote_scram = () => answer;
        })(),
      );
      expect(await errorOf(login(new Broker(links.initiator), alice))).toMatchObject({ code: "LOGIN_MALFORMED" });
    },
  );

  test("is bound to the channel where both ends know it", async () => {
    for (const types of [["tls-exporter", "tls-server-end-point"], ["tls-server-end-point"]]) {
      const stage = new Stage();
      const { client } = stage.connect({ peer: binding([1, 2, 3], types) });
      await login(client, alice, null, { minimum: "scram-sha-256-plus" });
      expect(stage.mechanisms).toEqual(["scram-sha-256-plus"]);
    }
  });

  test("takes the binding that the server has, too", async () => {
    const stage = new Stage();
    const clientPeer = binding([1, 2, 3], ["tls-exporter", "tls-server-end-point"]);
    const { client } = stage.connect({ peer: binding([1, 2, 3], ["tls-server-end-point"]), clientPeer });
    await login(client, alice);
    expect(stage.mechanisms).toEqual(["scram-sha-256-plus"]);
  });

  test("fails when somebody stands between two channels", async () => {
    const stage = new Stage();
    const { client } = stage.connect({ peer: binding([1, 2, 3]), clientPeer: binding([4, 5, 6]) });
    expect(await errorOf(login(client, alice))).toBeInstanceOf(UnauthorizedLogin);
    expect(stage.mechanisms).toEqual([]);
  });

  test("goes on without a binding where the server's end has none", async () => {
    const stage = new Stage();
    const { client } = stage.connect({ clientPeer: binding([4, 5, 6]) });
    await login(client, alice);
    expect(stage.mechanisms).toEqual(["scram-sha-256"]);
    expect(await errorOf(login(client, alice, null, { minimum: "scram-sha-256-plus" }))).toMatchObject({
      code: "LOGIN_TOO_WEAK",
    });
  });

  test("tells the server when the client could bind and was told that the server cannot", async () => {
    const said: string[] = [];
    class Unbound extends Error {
      static readonly remoteType = "pbx.login.ChannelBindingUnavailable";
      static readonly isExpected = true;
    }
    const forged = new (class extends Referenceable {
      remote_scram(message: Uint8Array): never {
        said.push(Buffer.from(message).toString().replace(/r=.*/, ""));
        throw new Unbound("no");
      }
    })();
    const { client, server } = brokers({}, { peer: binding([1], ["tls-exporter", "tls-server-end-point"]) });
    server.publish("pbx.login", forged);
    await errorOf(login(client, alice));
    expect(said).toEqual(["p=tls-exporter,,n=alice,", "p=tls-server-end-point,,n=alice,", "y,,n=alice,"]);
  });

  test("is refused when somebody made the client believe that the server has no binding", async () => {
    const { client } = new Stage().connect({ peer: binding([1, 2, 3]) });
    const safe = await client.getObject<{ scram(message: Uint8Array): unknown }>("pbx.login");
    const error = await errorOf(safe.callRemote("scram", Buffer.from("y,,n=alice,r=abc")));
    expect(error).toMatchObject({
      remoteType: "twisted.cred.error.LoginFailed",
      message: "This server does support channel binding",
    });
  });
});

describe("a bearer token", () => {
  const tokens = () => new BearerTokenChecker((token) => (token === "a-token" ? "robot" : undefined));

  test("opens over an encrypted link", async () => {
    const stage = new Stage([tokens()]);
    const { client } = stage.connect();
    expect(
      await (await login<Person>(client, new BearerToken("a-token"), new Mindful())).callRemote("askMind", 1),
    ).toBe(2);
    expect(await errorOf(login(client, new BearerToken("no-token")))).toBeInstanceOf(UnauthorizedLogin);
    expect(stage.mechanisms).toEqual(["bearer"]);
  });

  test("is not shown to who can listen", async () => {
    const { client, links } = new Stage([tokens()]).connect({ peer: { isEncrypted: false } });
    expect(await errorOf(login(client, new BearerToken("a-token")))).toMatchObject({ code: "LOGIN_TOO_WEAK" });
    expect(Buffer.concat(links.initiator.sent).toString("latin1")).not.toContain("a-token");
    // Told to show it all the same, it is not taken.
    const error = await errorOf(login(client, new BearerToken("a-token"), null, { allowUnencryptedToken: true }));
    expect(error).toBeInstanceOf(LoginDenied);
    const open = new Stage([tokens()], { policy: { bearer: "any" } }).connect({ peer: { isEncrypted: false } });
    await login(open.client, new BearerToken("a-token"), null, { allowUnencryptedToken: true });
  });

  test("is not handled by servers that have no checker, or have never heard of it", async () => {
    expect(await errorOf(login(new Stage().connect().client, new BearerToken("a-token")))).toBeInstanceOf(
      UnhandledCredentials,
    );
    const links = linkPair();
    new Broker(links.listener, {});
    const error = await errorOf(login(new Broker(links.initiator), new BearerToken("a-token")));
    expect(error).toMatchObject({ name: "UnhandledCredentials", message: "The server takes no bearer tokens" });
  });
});

describe("a policy", () => {
  test("keeps PB's own login off links that are not encrypted", async () => {
    const stage = new Stage([classicUsers()], { policy: { classic: "encrypted" } });
    const error = await errorOf(login(stage.connect({ peer: { isEncrypted: false } }).client, alice));
    expect(error).toBeInstanceOf(LoginDenied);
    expect(error.message).toBe("This server has no classic login over a link that is not encrypted");
    await login(stage.connect().client, alice);
  });

  test("switches logins off", async () => {
    const policy = { classic: "none", anonymous: "none" } as const;
    const stage = new Stage([users(), new AllowAnonymousAccess()], { policy });
    const { client } = stage.connect();
    await login(client, alice);
    expect(await errorOf(login(client, new Anonymous()))).toBeInstanceOf(UnhandledCredentials);
    const root = await client.getRootObject<{ login(name: Uint8Array): unknown }>();
    expect((await errorOf(root.callRemote("login", Buffer.from("alice")))).remoteType).toBe(
      "twisted.cred.error.UnhandledCredentials",
    );
    const noScram = new Stage([users()], { policy: { scram: "none" } });
    await login(noScram.connect().client, alice);
    expect(noScram.mechanisms).toEqual(["classic"]);
  });
});

test("users have the login that what is kept of their passwords allows", async () => {
  const verifier = await ScramVerifier.of("secret", { iterations });
  const safeOnly = new Stage([
    new PasswordChecker({
      stores: ["scram-sha-256"],
      iterations,
      find: (name) => (name === "alice" ? verifier : undefined),
    }),
  ]);
  const { client } = safeOnly.connect();
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

test("a server that answers the classic login with nonsense is refused", async () => {
  for (const answer of [null, [], [1, 2], "x"]) {
    const links = linkPair();
    const server = new Broker(links.listener, {});
    server.publish(
      "root",
      new (class extends Referenceable {
        remote_login = () => answer;
      })(),
    );
    const error = await errorOf(login(new Broker(links.initiator), alice));
    expect(error).toBeInstanceOf(LoginFailed);
    expect(error.code).toBe("LOGIN_MALFORMED");
  }
});
