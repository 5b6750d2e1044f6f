// Tests of the limits on failed logins and on logins in progress.

import { afterEach, describe, expect, test, vi } from "vitest";
import {
  BearerToken,
  BearerTokenChecker,
  defaultLoginLimits,
  login,
  LoginDenied,
  PasswordChecker,
  ScramVerifier,
  ScryptHash,
  UnauthorizedLogin,
  UsernamePassword,
} from "@pb/cred";
import { FailureLimiter, NameFailureLimiter } from "../../src/session/login-throttle.js";
import {
  alice,
  classicResponse,
  deliverPending,
  errorOf,
  iterations,
  LoginFixture,
  users,
  wrongPassword,
} from "../support.js";
import { bytes, challengeFor, scramFor, unauthorized } from "../raw-client.js";

afterEach(() => void vi.useRealTimers());

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
    const challenges = await Promise.all(Array.from({ length: 10 }, () => challengeFor(client, bytes("alice"))));
    const errors = await Promise.all(challenges.map(({ respond }) => errorOf(respond(new Uint8Array(16)))));
    expect(errors.filter(({ remoteType }) => remoteType === unauthorized)).toHaveLength(3);
    expect(errors.filter(({ remoteType }) => remoteType === "twisted.cred.error.LoginDenied")).toHaveLength(7);
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
    expect(await errorOf(login(from("192.0.2.2"), alice))).toBeInstanceOf(LoginDenied);
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
    const { client } = new LoginFixture([users()], { limits: { failureMs: 40 } }).connect();
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
    expect((await errorOf(challengeFor(client, bytes("alice")))).remoteType).toBe("twisted.cred.error.LoginDenied");
    expect(await errorOf(login(client, alice))).toBeInstanceOf(LoginDenied);
    challenges[0]!.challenger[Symbol.dispose]();
    await deliverPending();
    await login(client, alice);
    challenges[1]!.challenger[Symbol.dispose]();
    await deliverPending();
    const { exchange } = await scramFor(client, "alice", "secret");
    exchange[Symbol.dispose]();
    await deliverPending();
    await login(client, alice);
  });

  test("can ask for a challenge again when its earlier ones have expired", async () => {
    const { client } = new LoginFixture([users()], { limits: { underWay: 1, challengeMs: 20 } }).connect();
    await challengeFor(client, bytes("alice"));
    await new Promise((resolve) => setTimeout(resolve, 40));
    await challengeFor(client, bytes("alice"));
  });
});

describe("FailureLimiter", () => {
  test("allows more failures after a time, and after a successful login", () => {
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

  test("remembers a limited number of keys, and forgets the one that failed longest ago", () => {
    const failures = new FailureLimiter(1, 1000, 100);
    for (let name = 0; name < 10_000; name++) expect(failures.record(`${name}`)).toBe(true);
    expect(failures.size).toBe(100);
    expect([failures.record("9999"), failures.record("9900"), failures.record("9899")]).toEqual([false, false, true]);
    failures.undo("9899");
    expect(failures.size).toBe(99);
  });
});

describe("NameFailureLimiter", () => {
  const limits = { ...defaultLoginLimits, failuresPerName: 2, failuresPerNameEverywhere: 3 };

  test("counts the failures of each address, and of all addresses together", () => {
    const failures = new NameFailureLimiter(limits);
    const spent = ["a", "a", "a", "b", "b", undefined].map((address) => failures.record("alice", address));
    expect(spent).toEqual([true, true, false, true, false, false]);
    failures.undo("alice", "a");
    expect(failures.record("alice", undefined)).toBe(true);
  });

  test("counts the IPv6 addresses of one network together", () => {
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

  test("does not count a failure that it refused", () => {
    const failures = new NameFailureLimiter(limits);
    for (const address of ["a", "b", "c", "d", "d"]) failures.record("alice", address);
    failures.undo("alice", "a");
    expect(failures.record("alice", "d")).toBe(true);
    failures.undo("alice", "b");
    expect(failures.record("alice", "d")).toBe(true);
  });
});
