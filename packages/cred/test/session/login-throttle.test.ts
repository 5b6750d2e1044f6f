// Tests of the limits on failed logins and on logins in progress.

import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { Broker, RemoteError } from "@pb/broker";
import {
  BearerToken,
  BearerTokenChecker,
  defaultLoginLimits,
  login,
  LoginDenied,
  LoginFailed,
  Md5Digest,
  PasswordChecker,
  ScramVerifier,
  ScryptHash,
  UnauthorizedLogin,
  UsernamePassword,
} from "@pb/cred";
import {
  alice,
  bob,
  classicResponse,
  deliverPending,
  errorOf,
  iterations,
  LoginFixture,
  users,
  wrongPassword,
} from "../support.js";
import { bytes, challengeFor, scramFor, unauthorized } from "../raw-client.js";
import { LoginBudgets } from "../../src/session/login-budgets.js";
import { LoginThrottle } from "../../src/session/login-throttle.js";

describe("a client that guesses", () => {
  test("receives the same bytes for an unknown name as for a wrong password", async () => {
    const answers = ["alice", "mallory"].map(async (name) => {
      const { client, links } = new LoginFixture().connect();
      const { respond } = await challengeFor(client, bytes(name));
      const before = links.listener.sent.length;
      await errorOf(respond(new Uint8Array(16)));
      return Buffer.concat(links.listener.sent.slice(before)).toString("latin1");
    });
    const [real, unknown] = await Promise.all(answers);
    expect(unknown).toBe(real);
    expect(real).toContain(unauthorized);
  });

  test("makes the server do the same work for an unknown name as for a wrong password", async () => {
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
        const { client } = new LoginFixture([checker]).connect();
        const { exchange, final } = await scramFor(client, name, "wrong");
        await errorOf(exchange.callRemote("finish", bytes(final)));
        expect([check.mock.calls.length, isProof.mock.calls.length]).toEqual([1, 1]);
      }
    } finally {
      check.mockRestore();
      isProof.mockRestore();
    }
  });

  test("is refused on a connection after several failed logins of any kind", async () => {
    const fixture = new LoginFixture([users(), new BearerTokenChecker(() => undefined)], {
      limits: { failuresPerConnection: 3 },
    });
    const { client } = fixture.connect();
    await errorOf(login(client, wrongPassword));
    await errorOf(login(client, new BearerToken("x")));
    await errorOf((await challengeFor(client, bytes("alice"))).respond(new Uint8Array(16)));
    const error = await errorOf(login(client, alice));
    expect(error).toBeInstanceOf(LoginDenied);
    expect(error.message).toBe("Too many failed logins on this connection");
    await login(fixture.connect().client, alice);
  });

  test("cannot exceed the limit with parallel logins", async () => {
    const fixture = new LoginFixture([users()], { limits: { failuresPerConnection: 3 } });
    const { client } = fixture.connect();
    const guess = async () => (await challengeFor(client, bytes("alice"))).respond(new Uint8Array(16));
    const errors = await Promise.all(Array.from({ length: 10 }, () => errorOf(guess())));
    expect(errors.filter(({ remoteType }) => remoteType === unauthorized)).toHaveLength(3);
    const denied = errors.filter(({ remoteType }) => remoteType === "twisted.cred.error.LoginDenied");
    expect(denied).toHaveLength(7);
    // A reconnecting client tries again after such a refusal, and not after one of a realm.
    for (const error of denied) expect((error as unknown as RemoteError).is("pb.LoginThrottled")).toBe(true);
  });

  test("is refused after several failed logins for one name, whether the name exists or not", async () => {
    for (const name of ["alice", "mallory"]) {
      const fixture = new LoginFixture([users()], { limits: { failuresPerName: 3, failuresPerNameMs: 3_600_000 } });
      for (const spelling of [name, name.toUpperCase(), name]) {
        expect(await errorOf(login(fixture.connect().client, new UsernamePassword(spelling, "x")))).toBeInstanceOf(
          UnauthorizedLogin,
        );
      }
      const error = await errorOf(login(fixture.connect().client, new UsernamePassword(name, "secret")));
      expect(error).toBeInstanceOf(LoginDenied);
      expect(error.message).toBe("Too many failed logins for this name: try again later");
      await login(fixture.connect().client, new UsernamePassword("bob", "hunter2"));
    }
  });

  test("does not lock out a client with another address, unless it uses many addresses", async () => {
    const never = { failuresPerNameMs: 3_600_000, failuresPerNameEverywhereMs: 3_600_000 }; // No failure is forgotten.
    const limits = { failuresPerName: 2, failuresPerNameEverywhere: 5, ...never };
    const fixture = new LoginFixture([users()], { limits });
    const from = (address: string) => fixture.connect({ peer: { address } }).client;
    await errorOf(login(from("192.0.2.1"), wrongPassword));
    await errorOf(login(from("192.0.2.1"), wrongPassword));
    expect(await errorOf(login(from("192.0.2.1"), alice))).toBeInstanceOf(LoginDenied);
    await login(from("192.0.2.2"), alice);
    for (const address of ["a", "a", "b"]) await errorOf(login(from(address), wrongPassword));
    expect(await errorOf(login(from("192.0.2.3"), alice))).toBeInstanceOf(LoginDenied);
    await login(from("192.0.2.2"), alice); // has logged in from there before
    await login(from("192.0.2.1"), new UsernamePassword("bob", "hunter2"));
  });

  test("is answered without a timer with a negative delay when the check took longer than failureMs", async () => {
    const timers = vi.spyOn(globalThis, "setTimeout");
    const slow = new PasswordChecker({
      stores: ["md5"],
      find: () => new Promise((resolve) => setTimeout(() => resolve(undefined), 10)),
    });
    const { client } = new LoginFixture([slow], { limits: { failureMs: 1 } }).connect();
    await errorOf(login(client, wrongPassword));
    expect(timers.mock.calls.map(([, ms = 0]) => ms).filter((ms) => ms < 0)).toEqual([]);
    timers.mockRestore();
  });

  test("gets the answers to failed logins one after another, each after failureMs", async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const limits = { ...defaultLoginLimits, failureMs: 1000 };
    const throttle = new LoginThrottle(limits, new LoginBudgets(limits, String), "192.0.2.1");
    let answers = 0;
    const guess = (): Promise<unknown> =>
      errorOf(throttle.check("alice", () => Promise.reject(new UnauthorizedLogin()))).finally(() => answers++);
    const guesses = [guess(), guess(), guess()];
    for (let answered = 0; answered < 3; answered++) {
      await vi.advanceTimersByTimeAsync(999);
      expect(answers).toBe(answered);
      await vi.advanceTimersByTimeAsync(1);
      expect(answers).toBe(answered + 1);
    }
    await Promise.all(guesses);
    throttle.close();
  });

  test("does not delay a successful login on the same connection", async () => {
    const { client } = new LoginFixture([users()], { limits: { failureMs: 60_000 } }).connect();
    const guess = await challengeFor(client, bytes("alice"));
    const failure = errorOf(guess.respond(new Uint8Array(16)));
    const { challenge, respond } = await challengeFor(client, bytes("alice"));
    await respond(classicResponse(challenge, "secret"));
    await client.close();
    await failure;
  });

  test("leaves no timer running when it disconnects", async () => {
    const fixture = new LoginFixture([users()], { limits: { failureMs: 60_000 } });
    const { client, server } = fixture.connect();
    const { respond } = await challengeFor(client, bytes("alice"));
    const failure = errorOf(respond(new Uint8Array(16)));
    await deliverPending();
    expect(server.stats().callsRunning).toBe(1);
    await client.close();
    await failure;
    await deliverPending();
    expect(fixture.events).toMatchObject([{ kind: "login-failed", username: "alice", mechanism: "classic" }]);
  });

  test("cannot collect challenges, and can ask for more after it has released some", async () => {
    const { client } = new LoginFixture([users()], { limits: { underWay: 4 } }).connect();
    const challenges = await Promise.all([1, 2, 3, 4].map(() => challengeFor(client, bytes("alice"))));
    let isIn = false;
    const waiting = login(client, alice).then(() => (isIn = true));
    await deliverPending();
    expect(isIn).toBe(false);
    challenges[0]!.challenger[Symbol.dispose]();
    await deliverPending();
    await waiting;
    challenges[1]!.challenger[Symbol.dispose]();
    await deliverPending();
    const { exchange } = await scramFor(client, "alice", "secret");
    exchange[Symbol.dispose]();
    await deliverPending();
    await login(client, alice);
  });

  test("may wait in a queue, which has an end and is given up with the connection", async () => {
    const { client, server } = new LoginFixture([users()], { limits: { underWay: 2 } }).connect();
    await Promise.all([1, 2].map(() => challengeFor(client, bytes("alice"))));
    const waiting = Array.from({ length: 128 }, () => errorOf(login(client, alice)));
    expect(await errorOf(login(client, alice))).toBeInstanceOf(LoginDenied);
    expect(server.stats().callsRunning).toBe(128);
    await client.close();
    await Promise.all(waiting);
    await deliverPending();
    expect(server.isOpen).toBe(false);
  });

  test("of many users over one connection all succeed", async () => {
    const { client } = new LoginFixture([users()]).connect();
    await Promise.all(Array.from({ length: 100 }, () => login(client, alice)));
  });

  test("is refused after it has not answered several challenges, on any connection", async () => {
    const limits = { failuresPerName: 3, failuresPerNameMs: 3_600_000, failuresPerConnection: 2 };
    for (const ask of [challengeFor, (client: Broker) => scramFor(client, "alice", "secret")]) {
      const fixture = new LoginFixture([users()], { limits });
      const abandon = async (client: Broker) => {
        const step = await ask(client, bytes("alice"));
        ("exchange" in step ? step.exchange : step.challenger)[Symbol.dispose]();
        await deliverPending();
      };
      const { client } = fixture.connect();
      await abandon(client);
      await abandon(client);
      expect((await errorOf(abandon(client))).message).toBe("Too many failed logins on this connection");
      const other = fixture.connect().client;
      await abandon(other);
      expect((await errorOf(abandon(other))).message).toBe("Too many failed logins for this name: try again later");
      expect(fixture.events.filter(({ kind }) => kind === "login-failed")).toHaveLength(2);
    }
  });

  test("is refused when it answers one challenge many times", async () => {
    const { client } = new LoginFixture([users()], { limits: { failuresPerConnection: 3 } }).connect();
    const { challenge, respond } = await challengeFor(client, bytes("alice"));
    await respond(classicResponse(challenge, "secret"));
    const types = [];
    for (let round = 0; round < 4; round++) types.push((await errorOf(respond(new Uint8Array(16)))).remoteType);
    expect(types).toEqual([unauthorized, unauthorized, unauthorized, "twisted.cred.error.LoginDenied"]);
  });

  test("is refused after failures for many names from one address, while users who were there before are not", async () => {
    const limits = { failuresPerAddress: 5, failuresPerAddressMs: 3_600_000 };
    const fixture = new LoginFixture([users()], { limits });
    const at = (address: string) => fixture.connect({ peer: { address } }).client;
    await login(at("192.0.2.1"), bob);
    for (let name = 0; name < 5; name++) await errorOf(login(at("192.0.2.1"), new UsernamePassword(`${name}`, "x")));
    const error = await errorOf(login(at("192.0.2.1"), alice));
    expect(error).toBeInstanceOf(LoginDenied);
    expect(error.message).toBe("Too many failed logins from this address: try again later");
    await login(at("192.0.2.1"), bob);
    await login(at("192.0.2.2"), alice);
  });

  test("shares the limit of a name between all spellings that a checker treats as this name", async () => {
    const find = (name: string) => (name === "alice" ? Md5Digest.of("secret") : undefined);
    const canonical = (name: string) => name.replace(/\+.*/, "");
    const limits = { failuresPerName: 3, failuresPerNameMs: 3_600_000 };
    const fixture = new LoginFixture([new PasswordChecker({ stores: ["md5"], find, canonical })], { limits });
    for (const name of ["alice", "alice+1", " \u200bÁLICE"]) {
      await errorOf(login(fixture.connect().client, new UsernamePassword(name, "x")));
    }
    expect(await errorOf(login(fixture.connect().client, new UsernamePassword("alice+2", "x")))).toBeInstanceOf(
      LoginDenied,
    );
  });

  test("asks each checker for the spelling of a name, also after one that cannot convert it", async () => {
    const find = (name: string) => (name === "alice" ? Md5Digest.of("secret") : undefined);
    const spellings: ((name: string) => string)[] = [
      (name) => name.replace(/\+.*/, ""),
      () => {
        throw new TypeError("This name has no other spelling");
      },
      (name) => name.replace(/@.*/, ""),
    ];
    const kinds = [["IUsernameMD5Password"], ["IUsernamePassword"], ["IUsernameHashedPassword"]] as const;
    const checkers = spellings.map((canonical, index) => {
      const checker = new PasswordChecker({ stores: ["md5"], find, canonical });
      return Object.defineProperty(checker, "kinds", { value: kinds[index] });
    });
    const limits = { failuresPerName: 2, failuresPerNameMs: 3_600_000 };
    const fixture = new LoginFixture(checkers, { limits });
    for (const name of ["alice+1@example.org", "alice@example.com"])
      await errorOf(login(fixture.connect().client, new UsernamePassword(name, "x")));
    const error = await errorOf(login(fixture.connect().client, new UsernamePassword("alice+2", "x")));
    expect(error).toBeInstanceOf(LoginDenied);
  });

  test.each([
    ["marks and invisible characters", "stra\u20dds\ufe0fe\u3164"],
    ["a letter that has two in capitals", "stra\u00dfe"],
    ["a sign for a letter", "\u017ftra\u00dfe"],
    ["full width", "\uff33\uff34\uff32\uff21\uff33\uff33\uff25"],
  ])("shares the limit of a name between spellings that a database may treat as it: %s", async (_, spelling) => {
    const limits = { failuresPerName: 1, failuresPerNameMs: 3_600_000 };
    const name = spelling.includes("\u20dd") ? "strase" : "strasse";
    const fixture = new LoginFixture([users()], { limits });
    await errorOf(login(fixture.connect().client, new UsernamePassword(spelling, "x")));
    expect(await errorOf(login(fixture.connect().client, new UsernamePassword(name, "x")))).toBeInstanceOf(LoginDenied);
  });

  test("can ask for a challenge again when its earlier ones have expired", async () => {
    const { client } = new LoginFixture([users()], { limits: { underWay: 1, challengeMs: 20 } }).connect();
    await challengeFor(client, bytes("alice"));
    await new Promise((resolve) => setTimeout(resolve, 40));
    await challengeFor(client, bytes("alice"));
  });
});

describe("logins that are correct", () => {
  test("all succeed, however many there are at a time from one address", async () => {
    const names = Array.from({ length: 1_000 }, (_, index) => `user ${index}`);
    const stored = Md5Digest.of("secret");
    let checking = 0;
    let most = 0;
    const find = async () => {
      most = Math.max(most, ++checking);
      await new Promise((resolve) => setTimeout(resolve, 1));
      checking--;
      return stored;
    };
    const fixture = new LoginFixture([new PasswordChecker({ stores: ["md5"], find })]);
    const peer = { address: "192.0.2.1" };
    const all = [...names, ...Array<string>(200).fill("service")];
    await Promise.all(all.map((name) => login(fixture.connect({ peer }).client, new UsernamePassword(name, "secret"))));
    expect(fixture.realm.loggedIn).toHaveLength(1_200);
    expect(most).toBe(100); // as many as may fail
  });

  test("do not wait for clients that have not answered their challenges, and are refused when these have failed", async () => {
    const limits = { failuresPerName: 2, failuresPerNameMs: 3_600_000 };
    const fixture = new LoginFixture([users()], { limits });
    const peer = { address: "192.0.2.1" };
    const guesses = await Promise.all(
      [1, 2, 3].map(() => challengeFor(fixture.connect({ peer }).client, bytes("bob"))),
    );
    await login(fixture.connect({ peer }).client, new UsernamePassword("bob", "hunter2"));
    fixture.events.length = 0;
    const late = await challengeFor(fixture.connect({ peer: { address: "192.0.2.2" } }).client, bytes("bob"));
    const others = [1, 2].map(() =>
      challengeFor(fixture.connect({ peer: { address: "192.0.2.2" } }).client, bytes("bob")),
    );
    for (const { challenger } of await Promise.all(others)) challenger[Symbol.dispose]();
    await deliverPending();
    const refused = await errorOf(late.respond(classicResponse(late.challenge, "hunter2")));
    expect(refused.message).toBe("Too many failed logins for this name: try again later");
    for (const { challenger } of guesses) challenger[Symbol.dispose]();
  });

  test("wait while others are checked that may all fail, and stop waiting when their connection ends", async () => {
    const checks: (() => void)[] = [];
    const find = async () => {
      await new Promise<void>((resolve) => checks.push(resolve));
      return Md5Digest.of("secret");
    };
    const limits = { failuresPerName: 1, failureMs: 0 };
    const fixture = new LoginFixture([new PasswordChecker({ stores: ["md5"], find })], { limits });
    const first = login(fixture.connect().client, alice);
    while (checks.length < 1) await deliverPending();
    const { client } = fixture.connect();
    const waiting = errorOf(login(client, alice));
    const last = login(fixture.connect().client, alice);
    await deliverPending();
    expect(checks).toHaveLength(1);
    await client.close();
    await waiting;
    checks[0]!();
    await first;
    while (checks.length < 2) await deliverPending();
    checks[1]!();
    await last;
    expect(fixture.realm.loggedIn).toHaveLength(2);
  });

  test("of one address start together, and further ones wait for a place", async () => {
    const limits = { ...defaultLoginLimits, underWay: 3_000 };
    const throttle = new LoginThrottle(limits, new LoginBudgets(limits, String), "192.0.2.1");
    const attempts = await Promise.all(Array.from({ length: 2_000 }, () => throttle.begin("alice")));
    let isStarted = false;
    const further = throttle.begin("alice").then((attempt) => {
      isStarted = true;
      attempt.end();
    });
    await deliverPending();
    expect(isStarted).toBe(false);
    for (const attempt of attempts) attempt.end();
    await further;
    throttle.close();
  });

  test("leave as many places as before, in whichever way and however often they end", async () => {
    const most = 1_000_000;
    const limits = {
      ...defaultLoginLimits,
      underWay: 2,
      failureMs: 0,
      failuresPerConnection: most,
      failuresPerAddress: most,
      failuresPerName: most,
      failuresPerNameEverywhere: most,
    };
    const throttle = new LoginThrottle(limits, new LoginBudgets(limits, String), "192.0.2.1");
    const wrong = (): never => {
      throw new UnauthorizedLogin();
    };
    for (let round = 0; round < 4; round++) {
      const [attempt, abandoned] = [await throttle.begin("alice"), await throttle.begin(undefined)];
      expect(throttle.size).toMatchObject({ inProgress: 2, places: 0 });
      const third = throttle.begin("bob");
      expect(throttle.size).toMatchObject({ inProgress: 2, places: 0, queued: 1 });
      expect([attempt.claim(), attempt.claim()]).toEqual([true, false]);
      expect(await throttle.check("alice", () => round)).toBe(round);
      attempt.end();
      attempt.end();
      for (let time = 0; time < 2; time++) abandoned.abandon();
      (await third).end();
      await errorOf(throttle.check("alice", wrong));
      await errorOf(throttle.refuse(attempt));
      const entry = throttle.beginEntry();
      expect(throttle.size).toMatchObject({ inProgress: 1, places: 1 });
      entry.end();
      expect(throttle.size).toEqual({ inProgress: 0, places: 2, queued: 0, waiting: 0, delayed: 0 });
    }
    throttle.close();
  });

  test("are refused after their connection has ended, however many there are", async () => {
    const limits = { ...defaultLoginLimits, underWay: 1 };
    const throttle = new LoginThrottle(limits, new LoginBudgets(limits, String), undefined);
    throttle.close();
    for (const begun of [throttle.begin("alice"), throttle.begin("alice"), throttle.begin("bob")])
      await expect(begun).rejects.toThrow(LoginFailed);
  });

  test("are not kept out when the network fails during many of them", async () => {
    const fixture = new LoginFixture();
    const peer = { address: "192.0.2.1" };
    for (let round = 0; round < 3; round++) {
      const started = Array.from({ length: 15 }, () => fixture.connect({ peer }));
      await Promise.all(started.map(({ client }) => challengeFor(client, bytes("alice"))));
      for (const { links } of started) links.listener.cut();
    }
    await login(fixture.connect({ peer }).client, alice);
  });
});
