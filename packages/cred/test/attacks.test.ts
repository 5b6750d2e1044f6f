// Attacks on the passwords of a real server, from many addresses of the loopback network.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Broker } from "@pb/broker";
import { defaultLoginLimits, login, Md5Digest, PasswordChecker, UnauthorizedLogin, UsernamePassword } from "@pb/cred";
import { connect, listen } from "@pb/node-transport";
import type { Server } from "@pb/node-transport";
import { alice, LoginFixture } from "./support.js";

/** 150 attackers on a busy machine take their time to connect. */
const patient = { broker: { limits: { negotiationMs: 3_600_000 } }, liveness: { answerMs: 3_600_000 } };

/** Connects from an address of the loopback network, such as `127.0.0.7`. */
const connectFrom = (server: Server, address: string) =>
  connect(`tcp:127.0.0.1:${server.port}:bindAddress=${address}`, { ...patient, connectMs: 3_600_000 });

/** The result of a login: `in`, `wrong` when the server has checked the password, `denied` when it has not. */
async function outcomeOf(connection: Broker, name: string, password: string): Promise<"in" | "wrong" | "denied"> {
  try {
    await login(connection, new UsernamePassword(name, password));
    return "in";
  } catch (error) {
    return error instanceof UnauthorizedLogin ? "wrong" : "denied";
  }
}

/** Guesses from one address, each time over a connection that has failures left, and returns how many were checked. */
async function guess(server: Server, address: string, names: readonly string[]): Promise<number> {
  let checked = 0;
  for (let start = 0; start < names.length; start += 10) {
    await using connection = await connectFrom(server, address);
    for (const name of names.slice(start, start + 10)) {
      if ((await outcomeOf(connection, name, "a guess")) === "wrong") checked++;
    }
  }
  return checked;
}

const times = <T>(count: number, item: (index: number) => T) =>
  Array.from({ length: count }, (_, index) => item(index));

// macOS has no loopback address but 127.0.0.1.
describe.skipIf(process.platform === "darwin")("an attacker who guesses passwords as fast as possible", () => {
  const passwords: Record<string, Md5Digest> = { alice: Md5Digest.of("secret"), bob: Md5Digest.of("hunter2") };
  let server: Server;
  let started: number;
  let guessesAtAlice = 0;

  beforeAll(async () => {
    // The default limits. Without the delay of wrong answers, which slows down the test as well.
    const find = (name: string) => passwords[name];
    const { portal } = new LoginFixture([new PasswordChecker({ stores: ["md5"], find })], { limits: { failureMs: 0 } });
    server = await listen("tcp:0:interface=127.0.0.1", portal, { ...patient, limits: { loginMs: 3_600_000 } });
    await using owner = await connectFrom(server, "127.0.0.2");
    await login(owner, alice);
    started = performance.now();
  });
  afterAll(() => server.close());

  /** The failures that a budget has allowed since the start: a burst, and one more per interval. */
  const allowed = (burst: number, intervalMs: number) => burst + Math.floor((performance.now() - started) / intervalMs);

  test("has 20 guesses at one name from one address, and then 5,760 a day", async () => {
    const checked = await guess(
      server,
      "127.0.0.3",
      times(100, () => "alice"),
    );
    guessesAtAlice += checked;
    expect(checked).toBeGreaterThanOrEqual(20);
    expect(checked).toBeLessThanOrEqual(allowed(20, 15_000));
    const { failuresPerNameMs, failuresPerAddressMs } = defaultLoginLimits;
    expect([failuresPerNameMs, failuresPerAddressMs].map((ms) => (24 * 3_600_000) / ms)).toEqual([5_760, 5_760]);
  });

  test("has 100 guesses at all names together from one address, and cannot get back those at one name", async () => {
    const checked = await guess(
      server,
      "127.0.0.3",
      times(400, (index) => `name ${index}`),
    );
    expect(checked).toBeLessThanOrEqual(allowed(100, 15_000) - 20);
    const again = await guess(
      server,
      "127.0.0.3",
      times(20, () => "alice"),
    );
    guessesAtAlice += again;
    expect(guessesAtAlice).toBeLessThanOrEqual(allowed(20, 15_000));
  });

  test("does not keep the owner of a name out, also from 150 addresses", async () => {
    const attack = async (index: number): Promise<number> =>
      guess(
        server,
        `127.0.1.${index + 1}`,
        times(10, () => "alice"),
      );
    const first = await Promise.all(times(150, attack));
    guessesAtAlice += first.reduce((sum, checked) => sum + checked);
    const results: string[] = [];
    for (let attempt = 0; attempt < 40; attempt++) {
      const guesses = guess(
        server,
        `127.0.1.${attempt + 1}`,
        times(10, () => "alice"),
      );
      await using owner = await connectFrom(server, "127.0.0.2");
      results.push(await outcomeOf(owner, "alice", "secret"));
      guessesAtAlice += await guesses;
    }
    expect(results).toEqual(times(40, () => "in"));
    expect(guessesAtAlice).toBeLessThanOrEqual(allowed(200, 1_500));
    // The limits of one name do not affect another one, and an address that is new to alice has to wait.
    await using other = await connectFrom(server, "127.0.0.4");
    expect(await outcomeOf(other, "bob", "hunter2")).toBe("in");
  });
});
