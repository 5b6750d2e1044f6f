// What honest peers send, over a real socket with default options: no limit may refuse it, and no defense may change a
// value or its type.

import { once } from "node:events";
import { connect as connectSocket } from "node:net";
import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decode, encode, pb, Session } from "@pb/banana";
import type { Expression } from "@pb/banana";
import { Referenceable, Root } from "@pb/broker";
import type { Broker, RemoteReference } from "@pb/broker";
import { CalendarDate, DateTime, Decimal, jelly, TimeDelta, tuple, unjelly } from "@pb/jelly-types";
import { connect, listen } from "@pb/node-transport";
import type { Server } from "@pb/node-transport";
import { fromHex, readVectors, toHex } from "../../../jelly-types/test/helpers/graphs.js";

const many = <T>(count: number, item: (index: number) => T): T[] => Array.from({ length: count }, (_, i) => item(i));
/** A dict as it is received: an object without a prototype. */
const dict = (entries: Iterable<readonly [string, unknown]>): object =>
  Object.assign(Object.create(null) as object, Object.fromEntries(entries));
const nested = (depth: number): unknown[] => (depth === 1 ? [] : [nested(depth - 1)]);
const shared = [1];
const cyclic: unknown[] = [1];
cyclic.push(cyclic);
const utf8 = new TextEncoder();

/** Values that arrive equal to what was sent. */
const values: Record<string, () => unknown> = {
  "a text of 600 kB": () => "x".repeat(600_000),
  "a text of 600 kB that is not ASCII": () => "é".repeat(300_000),
  "a byte string of 600 kB": () => new Uint8Array(600_000).fill(7),
  "16 MB in texts of 600 kB": () => many(27, (i) => String(i % 10).repeat(600_000)),
  "a list of 100,000 small integers": () => many(100_000, (i) => i % 100),
  "a list of 100,000 integers": () => many(100_000, (i) => i * 21_474),
  "a list of 600,000 integers": () => many(600_000, (i) => i),
  "a list of 100,000 doubles": () => many(100_000, (i) => i + 0.25),
  "a list of 100,000 short texts": () => many(100_000, (i) => `item ${i}`),
  "a list of 100,000 short byte strings": () => many(100_000, (i) => Uint8Array.of(i, i >> 8)),
  "a list of 10,000 empty byte strings": () => many(10_000, () => new Uint8Array()),
  "a list of 100,000 booleans and nulls": () => many(100_000, (i) => [true, false, null][i % 3]),
  "a list of 10,000 dicts": () =>
    many(10_000, (i) =>
      dict([
        ["name", `n${i}`],
        ["price", i / 4],
        ["tags", [i]],
      ]),
    ),
  "a list of 10,000 dicts with the key 1023": () => many(10_000, (i) => dict([["1023", i]])),
  "a list of 10,000 sets": () => many(10_000, (i) => new Set([i, i + 1])),
  "a list of 10,000 maps": () => many(10_000, (i) => new Map([[i, "one"]])),
  "a list of 10,000 empty containers": () => many(10_000, (i) => [[], dict([]), new Set(), tuple()][i % 4]),
  "a dict of 10,000 entries": () => dict(many(10_000, (i) => [`key ${i}`, i])),
  "a dict of the keys 0 to 9999": () => dict(many(10_000, (i) => [String(i), i])),
  "a dict of descending integer keys": () => dict(many(10_000, (i) => [String((10_000 - i) * 4096), i])),
  "a dict of phone numbers": () => dict(many(10_000, (i) => [String(4_790_000_000 + i * 37), i])),
  "a dict of integers": () => new Map(many(100_000, (i) => [i, i])),
  "a dict of timestamps": () => new Map(many(10_000, (i) => [1_764_201_600 + i * 3600, i])),
  "a dict of timestamps in milliseconds": () => new Map(many(10_000, (i) => [1_764_201_600_000 + i * 1000, i])),
  "a dict of doubles": () => new Map(many(100_000, (i) => [i * 0.1 + 0.05, i])),
  "a dict of tuples": () => [...many(1000, (i) => new Map([[tuple(i, "x"), i]]))],
  "a set of 100,000 consecutive integers": () => new Set(many(100_000, (i) => i)),
  "a set of negative integers": () => new Set(many(100_000, (i) => -i - 1)),
  "a set of half integers": () => new Set(many(100_000, (i) => i * 0.5 + 0.25)),
  "a set of 100,000 random doubles": () => new Set(many(100_000, () => Math.random())),
  "a set of texts": () => new Set(many(100_000, (i) => `text ${i}`)),
  "a set of integer-like texts": () => new Set(many(10_000, (i) => String(i * 65_536))),
  "a set of powers of two": () => new Set(many(52, (i) => 2 ** i)),
  "a set of integers of 64 bits": () => new Set(many(10_000, (i) => 2n ** 60n + BigInt(i) * 12_345_678_901n)),
  "a set of IPv6 networks": () => new Set(many(256, (i) => (0x2001_0db8_0000_0000n + BigInt(i)) << 64n)),
  "scalars of every type": () => [0, -1, 2 ** 31, -(2 ** 31) - 1, 2 ** 53 - 1, 2n ** 447n, 0.1, "", "ü", null, true],
  dates: () => many(10_000, (i) => new CalendarDate(2000 + (i % 100), 1 + (i % 12), 1 + (i % 28))),
  "dates with times": () => many(10_000, (i) => new DateTime(2026, 1, 1, 0, 0, i % 60)),
  "time deltas": () => many(10_000, (i) => new TimeDelta(i, 5)),
  decimals: () => many(10_000, (i) => new Decimal(i, -2)),
  "lists 150 deep": () => nested(150),
};
for (let bits = 1; bits <= 30; bits++)
  values[`a set of multiples of 2^${bits}`] = () => new Set(many(10_000, (i) => i * 2 ** bits));

class Echo extends Root {
  received: unknown;

  remote_echo(value: unknown): unknown {
    this.received = value;
    return value;
  }

  remote_keep(value: unknown): void {
    this.received = value;
  }

  remote_same(list: unknown[]): boolean {
    return list.every((item) => item === list[0]);
  }
}

class Item extends Referenceable {}

let root: Echo;
let server: Server;
let connection: Broker;
let remote: RemoteReference<Echo>;

beforeAll(async () => {
  root = new Echo();
  server = await listen("tcp:0:interface=127.0.0.1", root);
  connection = await connect(`tcp:127.0.0.1:${server.port}`);
  remote = await connection.getRootObject<Echo>();
  await remote.callRemote("echo", 0); // Now both ends are ready.
});
afterAll(async () => {
  await connection.close();
  await server.close();
});

describe("arrives as it was sent, in a call and in its answer", () => {
  for (const [name, make] of Object.entries(values))
    test(name, async () => {
      const value = make();
      const answer = await remote.callRemote("echo", value);
      expect(isDeepStrictEqual(root.received, value), "the argument").toBe(true);
      expect(isDeepStrictEqual(answer, value), "the answer").toBe(true);
    });

  test("one list in 10,000 places, as one list", async () => {
    expect(
      await remote.callRemote(
        "same",
        many(10_000, () => shared),
      ),
    ).toBe(true);
  });

  test("a list that contains itself", async () => {
    const [one, self] = (await remote.callRemote("echo", cyclic)) as unknown[];
    expect([one, (self as unknown[])[1] === self]).toEqual([1, true]);
  });

  test("1,000 references, each as the object that it refers to", async () => {
    const items = many(1000, () => new Item());
    const answer = await remote.callRemote("echo", items);
    expect(isDeepStrictEqual(answer, items) && (answer as unknown[]).every((item, i) => item === items[i])).toBe(true);
  });

  test("10,000 calls at the same time", async () => {
    const calls = many(10_000, (i) => remote.callRemote("echo", i));
    expect(await Promise.all(calls)).toEqual(many(10_000, (i) => i));
  });
});

describe("is answered as without limits, as Twisted sends it", () => {
  const word = (text: string): Uint8Array => utf8.encode(text);
  const twisted = (atom: string, depth: number): Expression =>
    depth === 1
      ? [word(atom)]
      : [word(atom), atom === "list" ? twisted(atom, depth - 1) : [1, twisted(atom, depth - 1)]];

  /** Calls a method as a stock client does, and returns the bytes of the result. */
  async function resultOf(method: string, argument: Expression): Promise<string> {
    const socket = connectSocket(server.port, "127.0.0.1");
    await once(socket, "connect");
    const session = new Session({ role: "initiator", send: (bytes) => void socket.write(bytes), dialects: [pb] });
    const call = [word("message"), 1, word("root"), word(method), 1, [word("tuple"), argument], [word("dictionary")]];
    try {
      for await (const chunk of socket) {
        session.push(chunk as Uint8Array);
        for (let message = session.next(); message !== undefined; message = session.next()) {
          const [command, , result] = message as Uint8Array[];
          if (command!.length === 7)
            socket.write(encode(call, { dialect: "pb" })); // version
          else return toHex(encode(result!, { dialect: "pb" }));
        }
      }
    } finally {
      socket.destroy();
    }
    throw new Error("The server closed the connection");
  }

  // The classes of the other vectors are not registered by default.
  const vectors = readVectors("jelly.json").filter(
    ({ direction, taster, hex, name }) =>
      direction === "both" && taster === "broker" && hex !== null && !name.startsWith("Jellyable"),
  );
  for (const { name, hex } of vectors)
    test(name, async () => {
      const argument = decode(fromHex(hex!), { dialect: "pb" });
      const result = await resultOf("echo", argument);
      expect(result).toBe(toHex(encode(jelly(unjelly(argument)), { dialect: "pb" })));
    });

  // Twisted cannot send more (wire specification 4.5).
  for (const [atom, depth] of [
    ["list", 332],
    ["dictionary", 497],
  ] as const)
    test(`${depth} ${atom} values inside one another`, async () => {
      const argument = twisted(atom, depth);
      await resultOf("keep", argument);
      expect(isDeepStrictEqual(root.received, unjelly(argument)), "the argument").toBe(true);
    });
});
