import { inspect } from "node:util";
import { afterEach, describe, expect, test, vi } from "vitest";
import { Referenceable, RemoteError } from "@pb/broker";
import type { Broker, RemoteReference } from "@pb/broker";
import {
  AllowAnonymousAccess,
  Anonymous,
  BearerToken,
  BearerTokenChecker,
  defaultLoginLimits,
  FunctionChecker,
  login,
  LoginDenied,
  Md5Digest,
  PasswordChecker,
  ScramVerifier,
  ScryptHash,
  UnauthorizedLogin,
  UsernamePassword,
} from "@pb/cred";
import { connect, listen } from "@pb/node-transport";
import type { Login } from "@pb/cred";
import { FailureLimiter, NameFailureLimiter } from "../src/session/login-throttle.js";
import { clientKey, xor, saltPassword, sign, storedKey } from "../src/scram/scram-keys.js";
import { classicResponse, errorOf, House, iterations, Mindful, Person, settle, Stage, users } from "./support.js";

const alice = new UsernamePassword("alice", "secret");
const wrong = new UsernamePassword("alice", "wrong");
const bytes = (text: string) => new Uint8Array(Buffer.from(text));
const unauthorized = "twisted.cred.error.UnauthorizedLogin";

afterEach(() => void vi.useRealTimers());

/** What a login answers with before its end: bytes, and an object to go on with. */
type Step = [message: Uint8Array, next: RemoteReference];

/** A peer that says what it likes. */
async function challengeFor(client: Broker, name: unknown) {
  const root = await client.getRootObject();
  const [challenge, challenger] = (await root.callRemote("login", name)) as Step;
  const respond = (response: unknown, mind: unknown = null) => challenger.callRemote("respond", response, mind);
  return { challenge, respond, challenger };
}

const safeLogin = (client: Broker) => client.getObject("pbx.login");

/** A SCRAM exchange up to its last message, for the password given. */
async function scramFor(client: Broker, name: string, password: string) {
  const safe = await safeLogin(client);
  const bare = `n=${name},r=abc`;
  const [first, exchange] = (await safe.callRemote("scram", bytes(`n,,${bare}`))) as Step;
  const text = Buffer.from(first).toString();
  const [, nonce = "", salt = "", count] = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(text)!;
  const salted = await saltPassword(password, Buffer.from(salt, "base64"), Number(count));
  const signed = `${bare},${text},c=biws,r=${nonce}`;
  const key = clientKey(salted);
  const proof = Buffer.from(xor(key, sign(storedKey(key), signed))).toString("base64");
  return { exchange, final: `c=biws,r=${nonce},p=${proof}`, salt, iterations: Number(count) };
}

describe("a challenge", () => {
  test("takes one answer: the good one does not open twice", async () => {
    const stage = new Stage();
    const { client } = stage.connect();
    const { challenge, respond } = await challengeFor(client, bytes("alice"));
    await respond(classicResponse(challenge, "secret"));
    expect((await errorOf(respond(classicResponse(challenge, "secret")))).remoteType).toBe(unauthorized);
    expect(stage.house.inside).toEqual(["alice"]);
  });

  test("takes one answer: after a wrong one, the good one does not open", async () => {
    const { client } = new Stage().connect();
    const { challenge, respond } = await challengeFor(client, bytes("alice"));
    await errorOf(respond(new Uint8Array(16)));
    expect((await errorOf(respond(classicResponse(challenge, "secret")))).remoteType).toBe(unauthorized);
  });

  test("takes the first of two answers that race, while the checker is still at work", async () => {
    const find = async (name: string) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      return name === "alice" ? Md5Digest.of("secret") : undefined;
    };
    const stage = new Stage([new PasswordChecker({ stores: ["md5"], find })]);
    const { client } = stage.connect();
    const { challenge, respond } = await challengeFor(client, bytes("alice"));
    const good = classicResponse(challenge, "secret");
    const results = await Promise.allSettled([respond(good), respond(good), respond(new Uint8Array(16))]);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected"]);
    expect(stage.house.asked).toHaveLength(1);
  });

  test("is answered for itself only: what was overheard does not open another one, here or elsewhere", async () => {
    const stage = new Stage();
    const one = stage.connect().client;
    const { challenge, respond } = await challengeFor(one, bytes("alice"));
    const overheard = classicResponse(challenge, "secret");
    await respond(overheard);
    for (const client of [one, stage.connect().client]) {
      const again = await challengeFor(client, bytes("alice"));
      expect((await errorOf(again.respond(overheard))).remoteType).toBe(unauthorized);
    }
  });

  test("cannot be kept for later", async () => {
    const { client } = new Stage([users()], { limits: { challengeMs: 20 } }).connect();
    const { challenge, respond } = await challengeFor(client, bytes("alice"));
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect((await errorOf(respond(classicResponse(challenge, "secret")))).remoteType).toBe(unauthorized);
  });

  test("is never given out twice", async () => {
    const { client } = new Stage().connect();
    const seen = new Set<string>();
    for (let round = 0; round < 50; round++) {
      const { challenge, challenger } = await challengeFor(client, bytes("alice"));
      expect(challenge).toHaveLength(16);
      seen.add(Buffer.from(challenge).toString("hex"));
      challenger[Symbol.dispose]();
    }
    expect(seen.size).toBe(50);
  });

  test.each([[null], [7], ["text"], [bytes("short")], [new Uint8Array(17)], [[]], [{}]])(
    "answered with %j is answered wrongly",
    async (response) => {
      const { client, server } = new Stage().connect();
      const { respond } = await challengeFor(client, bytes("alice"));
      expect((await errorOf(respond(response))).remoteType).toBe(unauthorized);
      expect(server.isOpen).toBe(true);
    },
  );

  test.each([[null], [7], [[]], [new Uint8Array([0xff, 0xfe])], [bytes("x".repeat(257))], [{ name: "alice" }]])(
    "for the name %j opens nothing",
    async (name) => {
      const { client, server } = new Stage().connect();
      const { challenge, respond } = await challengeFor(client, name);
      expect((await errorOf(respond(classicResponse(challenge, "secret")))).remoteType).toBe(unauthorized);
      expect(server.isOpen).toBe(true);
    },
  );
});

describe("a SCRAM exchange", () => {
  test("takes one proof, and lets in once", async () => {
    const stage = new Stage();
    const { client } = stage.connect();
    const { exchange, final } = await scramFor(client, "alice", "secret");
    const [answer] = await Promise.all([
      exchange.callRemote("finish", bytes(final)),
      errorOf(exchange.callRemote("finish", bytes(final))),
    ]);
    const [, entrance] = answer as Step;
    const entered = await Promise.allSettled([1, 2, 3].map(() => entrance.callRemote("enter", null)));
    expect(entered.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected"]);
    expect((await errorOf(exchange.callRemote("finish", bytes(final)))).remoteType).toBe(unauthorized);
    expect(stage.house.inside).toEqual(["alice"]);
  });

  test("is answered for itself only", async () => {
    const { client } = new Stage().connect();
    const one = await scramFor(client, "alice", "secret");
    const other = await scramFor(client, "alice", "secret");
    expect((await errorOf(other.exchange.callRemote("finish", bytes(one.final)))).remoteType).toBe(unauthorized);
  });

  test("is for the name it began with", async () => {
    const { client } = new Stage().connect();
    const { exchange, final } = await scramFor(client, "bob", "secret");
    expect((await errorOf(exchange.callRemote("finish", bytes(final)))).remoteType).toBe(unauthorized);
  });

  test("does not let the channel be changed after the fact", async () => {
    const { client } = new Stage().connect();
    const { exchange, final } = await scramFor(client, "alice", "secret");
    const changed = final.replace("c=biws", `c=${Buffer.from("y,,").toString("base64")}`);
    expect((await errorOf(exchange.callRemote("finish", bytes(changed)))).remoteType).toBe(unauthorized);
  });

  test("with junk in it fails as a login, and nothing else", async () => {
    const { client, server } = new Stage([users()], {
      limits: { failuresPerConnection: 1000, underWay: 1000 },
    }).connect();
    const safe = await safeLogin(client);
    for (const junk of [
      null,
      7,
      [],
      "",
      "n,,",
      "n,,n=alice",
      bytes("\u0000"),
      new Uint8Array([0xff]),
      "x".repeat(10_000),
      { n: 1 },
    ]) {
      const error = await errorOf(safe.callRemote("scram", junk));
      expect(error.is("twisted.cred.error.LoginFailed")).toBe(true);
      const { exchange } = await scramFor(client, "alice", "secret");
      expect((await errorOf(exchange.callRemote("finish", junk))).is("twisted.cred.error.LoginFailed")).toBe(true);
      expect((await errorOf(safe.callRemote("bearer", junk, null))).is("twisted.cred.error.LoginFailed")).toBe(true);
    }
    expect(server.isOpen).toBe(true);
  });

  test("offers a name that nobody has the same thing as any other name, every time", async () => {
    const stage = new Stage();
    const one = await scramFor(stage.connect().client, "mallory", "x");
    const two = await scramFor(stage.connect().client, "mallory", "x");
    const real = await scramFor(stage.connect().client, "alice", "secret");
    expect(one.salt).toBe(two.salt);
    expect([one.salt.length, one.iterations]).toEqual([real.salt.length, real.iterations]);
    expect(one.salt).not.toBe(real.salt);
  });
});

describe("who guesses", () => {
  test("cannot tell a name that nobody has from a wrong password: the server's bytes are the same", async () => {
    const answers = ["alice", "mallory"].map(async (name) => {
      const { client, links } = new Stage().connect();
      const { respond } = await challengeFor(client, bytes(name));
      const before = links.listener.sent.length;
      await errorOf(respond(new Uint8Array(16)));
      return Buffer.concat(links.listener.sent.slice(before)).toString("latin1");
    });
    const [real, unknown] = await Promise.all(answers);
    expect(unknown).toBe(real);
    expect(real).toContain(unauthorized);
  });

  test("makes the server work as much for a name that nobody has", async () => {
    const kept = await ScryptHash.of("secret", { ln: 4, p: 1 });
    const verifier = await ScramVerifier.of("secret", { iterations });
    const check = vi.spyOn(ScryptHash.prototype, "check").mockResolvedValue(false);
    const isProof = vi.spyOn(ScramVerifier.prototype, "isProof");
    try {
      const find = (name: string) => (name === "alice" ? [kept, verifier] : undefined);
      const checker = new PasswordChecker({ stores: ["scrypt", "scram-sha-256"], find, iterations });
      for (const name of ["alice", "mallory"]) {
        check.mockClear();
        isProof.mockClear();
        await errorOf(checker.requestAvatarId(new UsernamePassword(name, "x")));
        const { client } = new Stage([checker]).connect();
        const { exchange, final } = await scramFor(client, name, "wrong");
        await errorOf(exchange.callRemote("finish", bytes(final)));
        expect([check.mock.calls.length, isProof.mock.calls.length]).toEqual([1, 1]);
      }
    } finally {
      check.mockRestore();
      isProof.mockRestore();
    }
  });

  test("has a number of failures on a connection, whichever login it is; then not even the right password opens", async () => {
    const stage = new Stage([users(), new BearerTokenChecker(() => undefined)], {
      limits: { failuresPerConnection: 3 },
    });
    const { client } = stage.connect();
    await errorOf(login(client, wrong));
    await errorOf(login(client, new BearerToken("x")));
    await errorOf((await challengeFor(client, bytes("alice"))).respond(new Uint8Array(16)));
    const error = await errorOf(login(client, alice));
    expect(error).toBeInstanceOf(LoginDenied);
    expect(error.message).toBe("Too many failed logins on this connection");
    await login(stage.connect().client, alice);
  });

  test("gets no further by asking everything at once", async () => {
    const stage = new Stage([users()], { limits: { failuresPerConnection: 3 } });
    const { client } = stage.connect();
    const challenges = await Promise.all(Array.from({ length: 10 }, () => challengeFor(client, bytes("alice"))));
    const errors = await Promise.all(challenges.map(({ respond }) => errorOf(respond(new Uint8Array(16)))));
    expect(errors.filter(({ remoteType }) => remoteType === unauthorized)).toHaveLength(3);
    expect(errors.filter(({ remoteType }) => remoteType === "twisted.cred.error.LoginDenied")).toHaveLength(7);
  });

  test("has a number of failures for a name, on all connections together, whether the name exists or not", async () => {
    for (const name of ["alice", "mallory"]) {
      const stage = new Stage([users()], { limits: { failuresPerName: 3 } });
      for (const spelling of [name, name.toUpperCase(), name]) {
        expect(await errorOf(login(stage.connect().client, new UsernamePassword(spelling, "x")))).toBeInstanceOf(
          UnauthorizedLogin,
        );
      }
      const error = await errorOf(login(stage.connect().client, new UsernamePassword(name, "secret")));
      expect(error).toBeInstanceOf(LoginDenied);
      expect(error.message).toBe("Too many failed logins for this name: try again later");
      await login(stage.connect().client, new UsernamePassword("bob", "hunter2"));
    }
  });

  test("keeps nobody else out, unless from many addresses", async () => {
    const stage = new Stage([users()], { limits: { failuresPerName: 2, failuresPerNameEverywhere: 5 } });
    const from = (address: string) => stage.connect({ peer: { address } }).client;
    await errorOf(login(from("192.0.2.1"), wrong));
    await errorOf(login(from("192.0.2.1"), wrong));
    expect(await errorOf(login(from("192.0.2.1"), alice))).toBeInstanceOf(LoginDenied);
    await login(from("192.0.2.2"), alice);
    for (const address of ["a", "a", "b"]) await errorOf(login(from(address), wrong));
    expect(await errorOf(login(from("192.0.2.2"), alice))).toBeInstanceOf(LoginDenied);
    await login(from("192.0.2.1"), new UsernamePassword("bob", "hunter2"));
  });

  test("is told at once when it took its time: no timer is set for the past, of which newer engines warn", async () => {
    const timers = vi.spyOn(globalThis, "setTimeout");
    const slow = new PasswordChecker({
      stores: ["md5"],
      find: () => new Promise((resolve) => setTimeout(() => resolve(undefined), 10)),
    });
    const { client } = new Stage([slow], { limits: { failureMs: 1 } }).connect();
    await errorOf(login(client, wrong));
    expect(timers.mock.calls.map(([, ms = 0]) => ms).filter((ms) => ms < 0)).toEqual([]);
    timers.mockRestore();
  });

  test("waits for each answer", async () => {
    const { client } = new Stage([users()], { limits: { failureMs: 40 } }).connect();
    const challenges = await Promise.all([1, 2, 3].map(() => challengeFor(client, bytes("alice"))));
    const start = performance.now();
    const times = await Promise.all(
      challenges.map(async ({ respond }) => {
        await errorOf(respond(new Uint8Array(16)));
        return performance.now() - start;
      }),
    );
    for (const [index, time] of times.entries()) expect(time).toBeGreaterThan(40 * (index + 1) - 5);
  });

  test("does not make others wait who know the password", async () => {
    const { client } = new Stage([users()], { limits: { failureMs: 60_000 } }).connect();
    const guess = await challengeFor(client, bytes("alice"));
    const failure = errorOf(guess.respond(new Uint8Array(16)));
    const { challenge, respond } = await challengeFor(client, bytes("alice"));
    await respond(classicResponse(challenge, "secret"));
    await client.close();
    await failure;
  });

  test("who hangs up leaves no timer running", async () => {
    const stage = new Stage([users()], { limits: { failureMs: 60_000 } });
    const { client, server } = stage.connect();
    const { respond } = await challengeFor(client, bytes("alice"));
    const failure = errorOf(respond(new Uint8Array(16)));
    await settle();
    expect(server.stats().callsRunning).toBe(1);
    await client.close();
    await failure;
    await settle();
    expect(stage.events).toMatchObject([{ kind: "login-failed", username: "alice", mechanism: "classic" }]);
  });

  test("cannot hoard challenges; who gives them back may have more", async () => {
    const { client } = new Stage([users()], { limits: { underWay: 4 } }).connect();
    const challenges = await Promise.all([1, 2, 3, 4].map(() => challengeFor(client, bytes("alice"))));
    expect((await errorOf(challengeFor(client, bytes("alice")))).remoteType).toBe("twisted.cred.error.LoginDenied");
    expect(await errorOf(login(client, alice))).toBeInstanceOf(LoginDenied);
    challenges[0]!.challenger[Symbol.dispose]();
    await settle();
    await login(client, alice);
    challenges[1]!.challenger[Symbol.dispose]();
    await settle();
    const { exchange } = await scramFor(client, "alice", "secret");
    exchange[Symbol.dispose]();
    await settle();
    await login(client, alice);
  });

  test("cannot hoard them for ever: old ones make room", async () => {
    const { client } = new Stage([users()], { limits: { underWay: 1, challengeMs: 20 } }).connect();
    await challengeFor(client, bytes("alice"));
    await new Promise((resolve) => setTimeout(resolve, 40));
    await challengeFor(client, bytes("alice"));
  });
});

describe("failures", () => {
  test("come back with time, and when a login succeeds", () => {
    vi.useFakeTimers();
    const failures = new FailureLimiter(3, 1000, 10);
    const spend = () => failures.record("alice");
    expect([spend(), spend(), spend(), spend()]).toEqual([true, true, true, false]);
    vi.advanceTimersByTime(999);
    expect(spend()).toBe(false);
    vi.advanceTimersByTime(1);
    expect([spend(), spend()]).toEqual([true, false]);
    failures.undo("alice");
    expect([spend(), spend()]).toEqual([true, false]);
    vi.advanceTimersByTime(10_000);
    expect([spend(), spend(), spend(), spend()]).toEqual([true, true, true, false]);
  });

  test("take up so much memory and no more", () => {
    const failures = new FailureLimiter(1, 1000, 100);
    for (let name = 0; name < 10_000; name++) expect(failures.record(`${name}`)).toBe(true);
    expect(failures.size).toBe(100);
    expect([failures.record("9999"), failures.record("9900"), failures.record("9899")]).toEqual([false, false, true]);
    failures.undo("9899");
    expect(failures.size).toBe(99);
  });
});

describe("failures of a name", () => {
  const limits = { ...defaultLoginLimits, failuresPerName: 2, failuresPerNameEverywhere: 3 };

  test("are counted for each address and for all of them together", () => {
    const failures = new NameFailureLimiter(limits);
    const spent = ["a", "a", "a", "b", "b", undefined].map((address) => failures.record("alice", address));
    expect(spent).toEqual([true, true, false, true, false, false]);
    failures.undo("alice", "a");
    expect(failures.record("alice", undefined)).toBe(true);
  });

  test("are counted together for the addresses that one peer may have", () => {
    const failures = new NameFailureLimiter({ ...limits, failuresPerNameEverywhere: 100 });
    const addresses = ["2001:db8::1", "2001:db8::2", "2001:db8::3:4:5:6", "2001:db8:0:1::1", "192.0.2.1", "192.0.2.2"];
    expect(addresses.map((address) => failures.record("alice", address))).toEqual([
      true,
      true,
      false,
      true,
      true,
      true,
    ]);
    failures.undo("alice", "2001:db8::2");
    expect(failures.record("alice", "2001:db8::4")).toBe(true);
  });

  test("that were refused are not counted", () => {
    const failures = new NameFailureLimiter(limits);
    for (const address of ["a", "b", "c", "d", "d"]) failures.record("alice", address);
    failures.undo("alice", "a");
    expect(failures.record("alice", "d")).toBe(true);
    failures.undo("alice", "b");
    expect(failures.record("alice", "d")).toBe(true);
  });
});

test("time to log in is limited by the transport, which is told that a portal requires it", async () => {
  const { portal } = new Stage();
  expect(portal.requiresLogin).toBe(true);
  const limits = { loginMs: 1_500 };
  await using server = await listen("tcp:0:interface=127.0.0.1", portal, { limits });
  const silent = await connect(`tcp:127.0.0.1:${server.port}`);
  const guessing = await connect(`tcp:127.0.0.1:${server.port}`);
  const welcome = await connect(`tcp:127.0.0.1:${server.port}`);
  await login(welcome, alice);
  await errorOf(login(guessing, wrong));
  await Promise.all([silent.closed, guessing.closed]);
  expect(welcome.isOpen).toBe(true);
  await welcome.close();
});

describe("a mind", () => {
  test("that throws when the realm calls it fails that login only", async () => {
    class Grumpy extends Mindful {
      override remote_ping(): never {
        throw new RangeError("grr");
      }
    }
    const house = new (class extends House {
      override async requestAvatar(...args: Parameters<House["requestAvatar"]>): Promise<Login> {
        await args[1]?.callRemote("ping", 1);
        return super.requestAvatar(...args);
      }
    })();
    const stage = new Stage([users()], {}, house);
    const { client } = stage.connect();
    const error = await errorOf(login(client, alice, new Grumpy()));
    expect(error).toBeInstanceOf(RemoteError);
    expect(error.remoteType).toBe("builtins.ValueError");
    expect(house.inside).toEqual([]);
    expect(await (await login<Person>(client, alice, new Mindful())).callRemote("whoami")).toBe("alice");
  });

  test("that hangs up while the realm calls it leaves nobody inside", async () => {
    const stage = new Stage();
    const { client } = stage.connect();
    class Rude extends Referenceable {
      async remote_ping() {
        await client.close();
        return 1;
      }
    }
    const house = stage.house;
    house.requestAvatar = async (id, mind) => {
      house.inside.push(id as string);
      const leave = () => void house.inside.pop();
      await mind?.callRemote("ping", 1).catch(() => undefined);
      return { avatar: new Person(id as string, mind), logout: leave };
    };
    await errorOf(login(client, alice, new Rude()));
    await settle();
    expect(house.inside).toEqual([]);
  });

  test("that is no object of the peer is refused", async () => {
    const stage = new Stage([users(), new AllowAnonymousAccess()]);
    const { client } = stage.connect();
    const root = await client.getRootObject();
    for (const mind of [7, "x", [], {}, root]) {
      const { challenge, respond } = await challengeFor(client, bytes("alice"));
      expect((await errorOf(respond(classicResponse(challenge, "secret"), mind))).remoteType).toBe(
        "builtins.TypeError",
      );
      expect((await errorOf(root.callRemote("loginAnonymous", mind))).remoteType).toBe("builtins.TypeError");
    }
    expect(stage.house.asked).toEqual([]);
  });
});

describe("nothing of what is inside", () => {
  test("is told when a checker breaks down", async () => {
    const breakDown = () => {
      throw new Error("cannot connect to postgres://root:hush@db");
    };
    const stage = new Stage([
      new PasswordChecker({ stores: ["md5", "scram-sha-256"], find: breakDown }),
      new BearerTokenChecker(breakDown),
      new FunctionChecker("IAnonymous", breakDown),
    ]);
    const { client, links } = stage.connect();
    const errors = [
      await errorOf(login(client, alice)),
      await errorOf(login(client, new BearerToken("x"))),
      await errorOf(login(client, new Anonymous())),
      await errorOf((await challengeFor(client, bytes("alice"))).respond(new Uint8Array(16))),
    ];
    for (const { message } of errors) expect(message).toBe("The login could not be checked");
    expect(Buffer.concat(links.listener.sent).toString("latin1")).not.toContain("postgres");
    expect(stage.events.filter(({ kind }) => kind === "checker-failed")).toHaveLength(4);
  });

  test("is held against anybody when a checker breaks down", async () => {
    let isBroken = true;
    const find = () => {
      if (isBroken) throw new Error("down");
      return Md5Digest.of("secret");
    };
    const limits = { failuresPerName: 1, failuresPerConnection: 1 };
    const { client } = new Stage([new PasswordChecker({ stores: ["md5"], find })], { limits }).connect();
    for (let round = 0; round < 3; round++) await errorOf(login(client, alice));
    isBroken = false;
    await login(client, alice);
  });

  test("is in what watchers are told: no password, no answer, no proof, no token", async () => {
    const stage = new Stage([users(), new BearerTokenChecker(() => undefined)]);
    const { client, server } = stage.connect();
    await login(client, new UsernamePassword("alice", "secret"));
    await errorOf(login(client, new UsernamePassword("alice", "wr0ng")));
    await errorOf(login(client, new BearerToken("t0ken")));
    const { challenge, respond } = await challengeFor(client, bytes("alice"));
    const response = classicResponse(challenge, "secret");
    await errorOf(respond(response, 7));
    const errors = [await errorOf(login(client, new UsernamePassword("alice", "wr0ng")))];
    const seen = inspect([stage.events, stage.brokerEvents, stage.portal, server, client, errors], { depth: 12 });
    for (const hidden of ["secret", "wr0ng", "t0ken", "Uint8Array"]) expect(seen).not.toContain(hidden);
    expect(stage.events.map(({ kind }) => kind)).toContain("login-failed");
  });

  test("depends on a watcher that throws", async () => {
    const onEvent = () => {
      throw new Error("disk full");
    };
    const stage = new Stage([users()], { onEvent });
    const { client } = stage.connect();
    await errorOf(login(client, wrong));
    (await login(client, alice))[Symbol.dispose]();
    await settle();
    expect(stage.house.loggedOut).toEqual(["alice"]);
  });
});

test("only the two methods of the root, and those of the safe login, can be called", async () => {
  const { client, server } = new Stage().connect();
  for (const name of ["root", "pbx.login"]) {
    const object = await client.getObject(name);
    for (const method of [
      "constructor",
      "receiveCall",
      "session",
      "begin",
      "admit",
      "publish",
      "__proto__",
      "#session",
    ]) {
      expect((await errorOf(object.callRemote(method))).remoteType).toBe("twisted.spread.flavors.NoSuchMethod");
    }
  }
  expect(server.isOpen).toBe(true);
});
