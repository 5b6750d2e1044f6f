// Simulated attacks of a day or more on the rate limits of a portal, with a clock that the test sets.

import { describe, expect, test } from "vitest";
import { defaultLoginLimits } from "@pb/cred";
import type { LoginLimits } from "@pb/cred";
import { garbageCollector } from "../../../../tools/gc/garbage-collector.js";
import { LoginBudgets } from "../../src/session/login-budgets.js";

const DAY = 24 * 3_600_000;

/** A portal's limits with a clock. */
class Simulation {
  now = 0;
  readonly #budgets: LoginBudgets;

  constructor(limits: Partial<LoginLimits> = {}) {
    this.#budgets = new LoginBudgets(
      { ...defaultLoginLimits, ...limits },
      (name) => name,
      () => this.now,
    );
  }

  /** Whether a login would be checked. If it is, it fails. */
  guess(name: string | undefined, address: string | undefined): boolean {
    return this.#logIn(name, address, 1);
  }

  /** Whether a login with the right password would be checked. If it is, it succeeds. */
  succeed(name: string, address: string): boolean {
    const isChecked = this.#logIn(name, address, 0);
    if (isChecked) this.#budgets.succeeded(name, address);
    return isChecked;
  }

  #logIn(name: string | undefined, address: string | undefined, failures: number): boolean {
    const budgets = this.#budgets.for(name, address);
    if (budgets.some(({ room }) => room !== "free")) return false;
    for (const budget of budgets) budget.hold();
    for (const budget of budgets) budget.release(failures);
    return true;
  }

  /** Runs `attack` in every second of a day, and returns how many guesses were checked. */
  day(attack: (second: number) => number, milliseconds = DAY): number {
    const end = this.now + milliseconds;
    let checked = 0;
    for (let second = 0; this.now < end; second++, this.now += 1000) checked += attack(second);
    return checked;
  }
}

describe("an attacker with an IPv6 /48", () => {
  /** An address of another /64 each time. */
  const from = (count: number): string => `2001:db8:1:${(count % 65_536).toString(16)}::1`;

  test("has sixteen times the guesses of one address at all names", () => {
    const simulation = new Simulation();
    let count = 0;
    const attack = () => Number(simulation.guess(`name${++count}`, from(count)));
    const inOneHour = simulation.day(() => attack() + attack() + attack(), DAY / 24);
    expect(inOneHour).toBeGreaterThan(16 * 320);
    expect(inOneHour).toBeLessThanOrEqual(16 * (100 + 5_760 / 24));
  });

  test("and four times at one name, so that the owner can still log in from a new address", () => {
    const simulation = new Simulation();
    let count = 0;
    const attack = () => Number(simulation.guess("alice", from(++count)));
    const inOneHour = simulation.day(() => attack() + attack() + attack(), DAY / 24);
    expect(inOneHour).toBeLessThanOrEqual(4 * (20 + 5_760 / 24));
    expect(simulation.succeed("alice", "192.0.2.1")).toBe(true);
    expect(simulation.succeed("alice", "2001:db8:2::1")).toBe(true);
  });
});

test("a NAT64 counts each of its clients by the IPv4 address", () => {
  const simulation = new Simulation();
  for (let left = 200; left > 0; left--) simulation.guess(undefined, "64:ff9b::192.0.2.1");
  expect(simulation.guess(undefined, "192.0.2.1")).toBe(false);
  expect(simulation.guess(undefined, "64:ff9b::c000:202")).toBe(true);
});

describe("an attacker with one address", () => {
  test("has 5,760 guesses a day at one name, after a burst of 20", () => {
    const simulation = new Simulation();
    const attack = () => Number(simulation.guess("alice", "192.0.2.1"));
    expect(simulation.day(() => attack() + attack() + attack())).toBe(20 - 1 + 5_760);
    expect(simulation.day(attack)).toBe(5_760);
  });

  test("has 5,760 guesses a day at all names together, after a burst of 100", () => {
    const simulation = new Simulation();
    let name = 0;
    const attack = () =>
      Array.from({ length: 5 }, () => Number(simulation.guess(`${name++}`, "192.0.2.1"))).reduce((a, b) => a + b);
    expect(simulation.day(attack)).toBe(100 - 1 + 5_760);
    expect(simulation.day(attack)).toBe(5_760);
  });

  test("cannot make the portal forget its guesses, also with failures under 10,100 other names, or of tokens", () => {
    const simulation = new Simulation();
    const checked = simulation.day((second) => {
      // Bursts of failures under other names, also from thousands of other addresses.
      for (let other = 0; other < 3; other++) simulation.guess(`other ${second % 10_100} ${other}`, "192.0.2.1");
      simulation.guess(`other ${second}`, `2001:db8:0:${(second % 30_000).toString(16)}::1`);
      simulation.guess(undefined, "192.0.2.1");
      return Number(simulation.guess("alice", "192.0.2.1"));
    });
    expect(checked).toBeLessThanOrEqual(20 + 5_760);
  });

  test("gains nothing from an account of its own", () => {
    const simulation = new Simulation();
    const checked = simulation.day(() => {
      simulation.succeed("mallory", "192.0.2.1");
      return Number(simulation.guess("alice", "192.0.2.1"));
    });
    expect(checked).toBeLessThanOrEqual(20 + 5_760);
  });

  test("cannot guess the passwords of many users in its own office without limit", () => {
    const simulation = new Simulation();
    for (let user = 0; user < 1_000; user++) expect(simulation.succeed(`user ${user}`, "192.0.2.1")).toBe(true);
    let user = 0;
    const attack = () =>
      Array.from({ length: 3 }, () => Number(simulation.guess(`user ${user++ % 1_000}`, "192.0.2.1"))).reduce(
        (a, b) => a + b,
      );
    expect(simulation.day(attack)).toBeLessThanOrEqual(1_000 + 57_600);
  });
});

describe("an attacker with many addresses", () => {
  test("has 57,600 guesses a day at one name, after a burst of 200", () => {
    const simulation = new Simulation();
    const attack = (second: number) => {
      let checked = 0;
      for (let address = 0; address < 5; address++) {
        checked += Number(simulation.guess("alice", `198.51.100.${(second * 5 + address) % 200}`));
      }
      return checked;
    };
    expect(simulation.day(attack)).toBeLessThanOrEqual(200 + 57_600);
  });

  test("does not keep the owner of a name out of an address where the owner has logged in before", () => {
    const simulation = new Simulation();
    expect(simulation.succeed("alice", "192.0.2.1")).toBe(true);
    for (let guess = 0; guess < 210; guess++) simulation.guess("alice", `198.51.100.${guess % 150}`);
    let denied = 0;
    for (let attempt = 0; attempt < 40; attempt++) {
      for (let guess = 0; guess < 10; guess++) simulation.guess("alice", `198.51.100.${(attempt * 10 + guess) % 150}`);
      simulation.now += 1000;
      if (!simulation.succeed("alice", "192.0.2.1")) denied++;
    }
    expect(denied).toBe(0);
    expect(simulation.succeed("alice", "192.0.2.2")).toBe(false); // a new address has to wait
    expect(simulation.succeed("bob", "192.0.2.2")).toBe(true);
  });

  test("keeps nobody out of the server by filling the tables with failures of other names", () => {
    const simulation = new Simulation({ names: 1_000 });
    expect(simulation.succeed("alice", "192.0.2.1")).toBe(true);
    let name = 0;
    let checked = 0;
    for (let address = 0; address < 40; address++)
      for (let guess = 0; guess < 100; guess++)
        checked += Number(simulation.guess(`name ${name++}`, `198.51.100.${address}`));
    expect(checked).toBeGreaterThan(3_000); // three times as many as are remembered
    for (let second = 0; second < 20; second++, simulation.now += 1000) {
      expect(simulation.succeed("alice", "192.0.2.1")).toBe(true); // where she was before
      expect(simulation.succeed(`bob ${second}`, "192.0.2.2")).toBe(true); // and who was nowhere before
    }
  });

  test("has few guesses at all names together, even with more addresses than can be remembered", () => {
    const simulation = new Simulation({ names: 100 });
    let checked = 0;
    for (let guess = 0; guess < 20_000; guess++) {
      simulation.now += 5; // 100 seconds in all
      checked += Number(simulation.guess(`${guess % 5_000}`, `2001:db8:0:${(guess % 50_000).toString(16)}::1`));
    }
    // A hundred names, or pairs, with 20 failures each, and the hundred budgets that all further ones share.
    expect(checked).toBeLessThanOrEqual(200 * (20 + 7));
  });
});

test("remembers names that normalization makes 18 times as long in a few megabytes, and tells them apart", () => {
  const collectGarbage = garbageCollector();
  const simulation = new Simulation();
  const longName = (index: number): string => `${index}${"\ufdfa".repeat(245)}`;
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  for (let index = 0; index < 10_000; index++) simulation.guess(longName(index), `10.${index >> 8}.${index & 255}.1`);
  collectGarbage();
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(10_000_000); // 78 MB if the keys keep the names
  for (let count = 0; count < 19; count++) expect(simulation.guess(longName(1), "10.0.1.1")).toBe(true);
  expect(simulation.guess(longName(1), "10.0.1.1")).toBe(false);
  expect(simulation.guess(longName(2), "10.0.2.1")).toBe(true);
});
