import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Admission, defaultServerLimits } from "../../src/server/admission.js";
import type { Refusal, ServerLimits, Stage, Ticket } from "../../src/server/admission.js";

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

/** An admission whose limits do not matter, except those that are given. */
class Door {
  readonly #admission: Admission;
  /** The names of the connections that have a place, and those that have lost it, with the limit. */
  readonly inside = new Map<string, Ticket>();
  readonly evicted: [name: string, limit: Refusal][] = [];
  readonly silentSince = new Map<string, number>();

  constructor(limits: Partial<ServerLimits>) {
    this.#admission = new Admission({ ...defaultServerLimits, ...limits });
  }

  /** Asks for a place. `name` is the address, a slash and more. Returns the limit that refuses it. */
  enter(name: string, stage: Stage = "negotiating"): Refusal | undefined {
    const address = name.split("/")[0]!;
    const result = this.#admission.admit({
      address: address === "unix" ? undefined : address,
      evict: (limit) => {
        this.evicted.push([name, limit]);
        this.inside.delete(name);
      },
      lastReceived: () => this.silentSince.get(name) ?? 0,
    });
    if (typeof result === "string") return result;
    this.inside.set(name, result);
    result.moveTo(stage);
    return undefined;
  }

  fill(address: string, count: number, stage?: Stage): void {
    for (let index = 0; index < count; index++) this.enter(`${address}/${index}`, stage);
  }

  count(address: string): number {
    return [...this.inside.keys()].filter((name) => name.startsWith(`${address}/`)).length;
  }
}

test("counts an IPv6 network as one address", () => {
  const door = new Door({ connectionsPerAddress: 1 });
  expect(["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"].map((address) => door.enter(address))).toEqual([
    undefined,
    "connectionsPerAddress",
    undefined,
  ]);
});

describe("an IPv6 /48 with a connection from each of its networks", () => {
  const from = (count: number): string => `2001:db8:1:${count.toString(16)}::1`;

  test("may have sixteen times the connections of one address, and a /56 four times", () => {
    const door = new Door({ connectionsPerAddress: 2 });
    for (let count = 0; count < 256; count++) door.enter(from(count), "guest");
    expect(door.inside.size).toBe(8);
    for (let count = 0; count < 65_536; count += 64) door.enter(from(count), "guest");
    expect(door.inside.size).toBe(32);
    expect(door.enter("2001:db8:2::1", "guest")).toBeUndefined();
  });

  test.each([
    ["negotiating", { negotiating: 10 }],
    ["loggingIn", { strangers: 10 }],
    ["guest", { connections: 10 }],
  ] as const)("makes room for others when the limit is reached (%s)", (stage, limits) => {
    const door = new Door(limits);
    for (let count = 0; count < 10; count++) door.enter(from(count * 256), stage);
    expect(door.enter("192.0.2.1", stage)).toBeUndefined();
    expect(door.enter("2001:db8:2::1", stage)).toBeUndefined();
    expect(door.evicted.map(([name]) => name)).toEqual([from(0), from(256)]);
    for (let count = 10; count < 50; count++) door.enter(from(count * 256), stage);
    expect([door.inside.has("192.0.2.1"), door.inside.has("2001:db8:2::1")]).toEqual([true, true]);
  });

  test("does not keep out a neighbor in the same /48", () => {
    const door = new Door({ strangers: 10 });
    for (let count = 0; count < 10; count++) door.enter(from(count), "loggingIn"); // all in one /56
    expect(door.enter(from(0x4200), "loggingIn")).toBeUndefined();
    for (let count = 10; count < 20; count++) door.enter(from(count), "loggingIn");
    expect(door.inside.has(from(0x4200))).toBe(true);
  });
});

test("frees the place of a closed connection once, from every stage", () => {
  const door = new Door({ connectionsPerAddress: 1, newcomersPerAddress: 1, connections: 1 });
  for (const stage of ["negotiating", "loggingIn", "guest"] as const) {
    expect(door.enter("::1/a", stage)).toBeUndefined();
    expect(door.enter("::1/b")).toBe("connectionsPerAddress");
    const ticket = door.inside.get("::1/a")!;
    ticket.moveTo("closed");
    ticket.moveTo("closed");
    ticket.moveTo("guest");
  }
});

test("applies only the limits of all connections to a connection without an address", () => {
  const door = new Door({ connectionsPerAddress: 1, newcomersPerAddress: 1, connections: 2 });
  expect([1, 2, 3].map((index) => door.enter(`unix/${index}`))).toEqual([undefined, undefined, "connections"]);
});

test("does not count users among the connections of their address", () => {
  const door = new Door({ connectionsPerAddress: 2, newcomersPerAddress: 2 });
  door.fill("192.0.2.1", 50, "user");
  expect(door.count("192.0.2.1")).toBe(50);
  expect([1, 2, 3].map((index) => door.enter(`192.0.2.1/new ${index}`))).toEqual([
    undefined,
    undefined,
    "connectionsPerAddress",
  ]);
});

describe.each([
  ["negotiating", { negotiating: 10 }, "negotiating"],
  ["strangers", { strangers: 10 }, "loggingIn"],
  ["connections", { connections: 10 }, "negotiating"],
] as const)("when the limit %s is reached", (limit, limits, stage) => {
  test("the oldest connection of the most numerous address makes room for other addresses", () => {
    const door = new Door(limits);
    door.fill("192.0.2.1", 7, stage);
    door.fill("192.0.2.2", 3, stage);
    expect(door.enter("192.0.2.3/a", stage)).toBeUndefined();
    expect(door.enter("192.0.2.3/b", stage)).toBeUndefined();
    expect(door.evicted).toEqual([
      ["192.0.2.1/0", limit],
      ["192.0.2.1/1", limit],
    ]);
  });

  test("all addresses end with equal shares", () => {
    const door = new Door(limits);
    const addresses = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"];
    for (const address of addresses) door.fill(address, 50, stage);
    expect(addresses.map((address) => door.count(address))).toEqual([2, 2, 2, 2, 2]);
  });

  test("an address with none gets a place even if all others have one each", () => {
    const door = new Door(limits);
    for (let index = 0; index < 10; index++) door.enter(`192.0.2.${index}`, stage);
    expect(door.enter("192.0.2.100", stage)).toBeUndefined();
    expect(door.evicted).toEqual([["192.0.2.0", limit]]);
  });

  test("connections of one address do not displace each other while they are young", () => {
    vi.advanceTimersByTime(10_000);
    const door = new Door(limits);
    door.fill("192.0.2.1", 10, stage);
    expect(door.enter("192.0.2.1/late", stage)).toBe(limit);
    vi.advanceTimersByTime(1_999);
    expect(door.enter("192.0.2.1/late", stage)).toBe(limit);
    vi.advanceTimersByTime(1);
    expect(door.enter("192.0.2.1/late", stage)).toBeUndefined();
    expect(door.evicted).toEqual([["192.0.2.1/0", limit]]);
  });

  test("connections that are established keep their places", () => {
    const door = new Door(limits);
    door.fill("192.0.2.1", 9, "user");
    expect(door.enter("192.0.2.2/a", stage)).toBeUndefined();
    for (let index = 0; index < 30; index++) door.enter(`192.0.2.${index}/x`, stage);
    expect(door.count("192.0.2.1")).toBeGreaterThanOrEqual(9);
  });
});

describe("when newcomers of one address reach their limit", () => {
  test.each(["negotiating", "loggingIn"] as const)("only their own oldest one can make room: %s", (stage) => {
    const door = new Door({ newcomersPerAddress: 2 });
    door.fill("192.0.2.1", 2, stage);
    door.fill("192.0.2.2", 2, stage);
    vi.advanceTimersByTime(5_000);
    expect(door.enter("192.0.2.2/new")).toBeUndefined();
    expect(door.evicted).toEqual([["192.0.2.2/0", "newcomersPerAddress"]]);
  });

  test("a /56 may have four times as many, and no other address is affected", () => {
    const door = new Door({ newcomersPerAddress: 2 });
    const name = (index: number): string => `2001:db8:1:${index.toString(16)}::1/a`;
    for (let index = 0; index < 8; index++) expect(door.enter(name(index))).toBeUndefined();
    expect(door.enter(name(8))).toBe("newcomersPerAddress");
    for (let index = 0; index < 20; index++) expect(door.enter(`192.0.2.${index}/a`)).toBeUndefined();
    expect(door.evicted).toEqual([]);
  });
});

test("a connection that is logging in does not make room for one that negotiates", () => {
  const door = new Door({ negotiating: 2 });
  door.fill("192.0.2.1", 3, "loggingIn");
  door.fill("192.0.2.2", 2);
  expect(door.enter("192.0.2.3/a")).toBeUndefined();
  expect(door.evicted).toEqual([["192.0.2.2/0", "negotiating"]]);
});

describe("an address that has one connection less than another gets no more at its cost while those are young", () => {
  test("if the two are different networks", () => {
    const door = new Door({ negotiating: 5 });
    for (const index of [0x100, 0x200]) door.enter(`2001:db8:1:${index.toString(16)}::1/a`);
    for (const index of [0x100, 0x200, 0x300]) door.enter(`2001:db8:2:${index.toString(16)}::1/a`);
    expect(door.enter("2001:db8:1:300::1/a")).toBe("negotiating");
    vi.advanceTimersByTime(2_000);
    expect(door.enter("2001:db8:1:300::1/a")).toBeUndefined();
    expect(door.evicted).toEqual([["2001:db8:2:100::1/a", "negotiating"]]);
  });

  test("if both are in one network", () => {
    const door = new Door({ negotiating: 5 });
    for (const index of [0x101, 0x102, 0x103, 0x201, 0x202]) door.enter(`2001:db8:1:${index.toString(16)}::1/a`);
    expect(door.enter("2001:db8:1:203::1/a")).toBe("negotiating");
    vi.advanceTimersByTime(2_000);
    expect(door.enter("2001:db8:1:203::1/a")).toBeUndefined();
    expect(door.evicted).toEqual([["2001:db8:1:101::1/a", "negotiating"]]);
  });
});

describe("when guests have filled the server", () => {
  test("the last twentieth is kept for addresses that have no connection", () => {
    const door = new Door({ connections: 40 });
    door.fill("192.0.2.1", 50, "guest");
    expect(door.count("192.0.2.1")).toBe(38);
    expect(door.enter("192.0.2.2/a", "guest")).toBeUndefined();
    expect(door.enter("192.0.2.2/b", "guest")).toBe("connections");
    expect(door.enter("192.0.2.3/a", "guest")).toBeUndefined();
    expect(door.evicted).toEqual([]);
  });

  test("the one that has been silent longest makes room for an address that has none", () => {
    const door = new Door({ connections: 3 });
    door.fill("192.0.2.1", 2, "guest");
    door.enter("192.0.2.2/a", "guest");
    for (const [index, since] of [30, 10].entries()) door.silentSince.set(`192.0.2.1/${index}`, since);
    expect(door.enter("192.0.2.2/b", "guest")).toBe("connections");
    expect(door.enter("192.0.2.3/a", "guest")).toBeUndefined();
    expect(door.evicted).toEqual([["192.0.2.1/1", "connections"]]);
  });

  test("none of them makes room if each address has one", () => {
    const door = new Door({ connections: 2 });
    door.enter("192.0.2.1/a", "guest");
    door.enter("192.0.2.2/a", "guest");
    expect(door.enter("192.0.2.3/a", "guest")).toBe("connections");
    expect(door.evicted).toEqual([]);
  });
});
