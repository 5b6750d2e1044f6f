import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import { BananaError, BananaReader, decode, encode, pb, readExpression, Scanner } from "@pb/banana";
import type { Expression } from "@pb/banana";
import { cut, cuts, dialect, expression, nearBanana, scan } from "../helpers/arbitraries.js";
import { hex, toHex } from "../helpers/tagged.js";

test("throws again after an error, even when the caller has reused a lent chunk", () => {
  for (const how of ["push", "lend"] as const) {
    const scanner = new Scanner();
    const chunk = new Uint8Array(2000).fill(0x90);
    scanner[how](chunk);
    expect(() => scanner.next()).toThrow(BananaError);
    chunk.set(encode(7));
    expect(() => scanner.next()).toThrow(BananaError);
    scanner[how](chunk);
    expect(() => scanner.advance(new BananaReader())).toThrow(BananaError);
    scanner.reset();
    scanner[how](encode(7));
    expect(scanner.next()).toBe(7);
  }
});

afterEach(() => void vi.unstubAllGlobals());

test("reads many pages in chunks of a socket without allocating another buffer", () => {
  const pages = Array.from({ length: 8 }, () => encode(new Uint8Array(130_000)));
  const stream = Uint8Array.from(pages.flatMap((page) => [...page]));
  const scanner = new Scanner();
  const reader = new BananaReader();
  const readAll = (chunkBytes: number): number => {
    let count = 0;
    for (let start = 0; start < stream.length; start += chunkBytes) {
      scanner.push(stream.subarray(start, start + chunkBytes));
      while (scanner.advance(reader)) count++;
    }
    return count;
  };
  expect(readAll(256 * 1024)).toBe(pages.length); // Allocates the buffer.
  const sizes: unknown[] = [];
  vi.stubGlobal(
    "Uint8Array",
    new Proxy(Uint8Array, {
      construct(target, args, self) {
        if (typeof args[0] === "number") sizes.push(args[0]);
        return Reflect.construct(target, args, self) as object;
      },
    }),
  );
  new Uint8Array(3);
  for (const kib of [256, 200, 64]) expect(readAll(kib * 1024)).toBe(pages.length);
  expect(sizes).toEqual([3]);
});

describe("every division into chunks gives the same result", () => {
  test("for valid expressions", () => {
    fc.assert(
      fc.property(
        fc.array(expression, { maxLength: 5 }),
        dialect,
        cuts,
        fc.constantFrom("push", "lend"),
        (values, spoken, places, how) => {
          const bytes = Uint8Array.from(values.flatMap((value) => [...encode(value, { dialect: spoken })]));
          const { delivered, code, scanned } = scan(cut(bytes, places), { dialect: spoken }, how);
          expect(delivered).toStrictEqual(values);
          expect(code).toBeUndefined();
          expect(scanned).toBe(bytes.length);
        },
      ),
      { numRuns: 100 },
    );
  });

  test("for invalid bytes, including the offset of the error", () => {
    fc.assert(
      fc.property(nearBanana, dialect, cuts, fc.constantFrom("push", "lend"), (bytes, spoken, places, how) => {
        const limits = { stringBytes: 1000, listLength: 1000, depth: 5 };
        const whole = scan([bytes], { dialect: spoken, limits });
        expect(scan(cut(bytes, places), { dialect: spoken, limits }, how)).toStrictEqual(whole);
        if (whole.code === undefined) expect(whole.scanned).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 700 },
    );
  });

  test("with low limits of every kind", () => {
    const limits = fc.record({
      prefixBytes: fc.integer({ min: 1, max: 10 }),
      integerDigits: fc.integer({ min: 1, max: 10 }),
      stringBytes: fc.integer({ min: 1, max: 200 }),
      listLength: fc.integer({ min: 1, max: 30 }),
      depth: fc.integer({ min: 1, max: 5 }),
      expressionBytes: fc.integer({ min: 1, max: 300 }),
    });
    fc.assert(
      fc.property(nearBanana, limits, dialect, (bytes, each, spoken) => {
        const bytewise = Array.from(bytes, (byte) => Uint8Array.of(byte));
        expect(scan([bytes], { dialect: spoken, limits: each })).toStrictEqual(
          scan(bytewise, { dialect: spoken, limits: each }),
        );
      }),
      { numRuns: 700 },
    );
  });
});

test("keeps a half-received string until the rest arrives", () => {
  const scanner = new Scanner();
  scanner.push(hex("0582616263"));
  expect(scanner.next()).toBeUndefined();
  expect(scanner.pendingBytes).toBe(5);
  scanner.push(hex("64650181"));
  expect(scanner.next()).toStrictEqual(hex("6162636465"));
  expect(scanner.next()).toBe(1);
  expect(scanner.next()).toBeUndefined();
  expect(scanner.pendingBytes).toBe(0);
  expect(scanner.offset).toBe(9);
});

test("a reader stays valid while chunks are pushed or lent, until the next call of advance()", () => {
  const one = encode([new Uint8Array(2000).fill(1), 1]);
  const two = encode([new Uint8Array(9000).fill(2), 2]);
  for (const how of ["push", "lend"] as const) {
    for (const first of ["push", "lend"] as const) {
      const scanner = new Scanner();
      scanner[first](one);
      const reader = new BananaReader();
      expect(scanner.advance(reader)).toBe(true);
      scanner[how](two);
      scanner[how](one);
      expect(readExpression(reader)).toStrictEqual(decode(one));
      for (const bytes of [two, one]) {
        expect(scanner.advance(reader)).toBe(true);
        expect(readExpression(reader)).toStrictEqual(decode(bytes));
      }
      expect(scanner.advance(reader)).toBe(false);
    }
  }
});

test("long messages are the same however many chunks they arrive in, and in whichever buffer they are joined", () => {
  const sizes = [130_000, 10, 70_000, 130_000, 250_000, 3, 130_000];
  const messages = sizes.map((size, index) => encode(new Uint8Array(size).fill(index)));
  const stream = new Uint8Array(messages.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const message of messages) {
    stream.set(message, end);
    end += message.length;
  }
  for (const chunkBytes of [1000, 65_536, 200_000]) {
    const scanner = new Scanner();
    const reader = new BananaReader();
    const read: Uint8Array[] = [];
    for (let start = 0; start < end; start += chunkBytes) {
      scanner.push(stream.subarray(start, start + chunkBytes));
      while (scanner.advance(reader)) read.push(reader.bytes());
    }
    expect(read.map(({ length }) => length)).toStrictEqual(sizes);
    for (const [index, bytes] of read.entries()) expect(bytes.every((byte) => byte === index)).toBe(true);
  }
});

test("the dialect may change between two expressions of one chunk", () => {
  const scanner = new Scanner();
  scanner.push(hex("02827062" + "0187"));
  const reader = new BananaReader();
  expect(scanner.advance(reader)).toBe(true);
  expect(reader.word()).toBe("pb");
  scanner.dialect = pb;
  expect(scanner.advance(reader)).toBe(true);
  expect(reader.word()).toBe("None");
});

test("offsets count from the start of a stream of any length", () => {
  const scanner = new Scanner();
  const filler = encode(new Uint8Array(60_000));
  for (let chunk = 0; chunk < 20; chunk++) {
    scanner.push(filler);
    expect(scanner.next()).toHaveLength(60_000);
    if (chunk % 2 === 0) expect(scanner.next()).toBeUndefined();
  }
  scanner.push(hex("0180 90".replace(" ", "")));
  expect(() => scanner.next()).toThrow(expect.objectContaining({ offset: 20 * filler.length + 2 }));
});

test("returns the expressions before an error, and throws it again in every later call", () => {
  const scanner = new Scanner();
  scanner.push(hex("0181 90 0181".replaceAll(" ", "")));
  expect(scanner.next()).toBe(1);
  let first: unknown;
  try {
    scanner.next();
  } catch (error) {
    first = error;
  }
  expect(first).toBeInstanceOf(BananaError);
  scanner.push(hex("0181"));
  expect(() => scanner.next()).toThrow(first);
});

test("works like a new scanner after reset", () => {
  const scanner = new Scanner();
  for (const bad of ["90", "0280", "0582", "0000", "0180 0180".replace(" ", "")]) {
    scanner.push(hex(bad));
    try {
      scanner.next();
    } catch {
      // `reset` discards pending bytes and the error.
    }
    scanner.reset();
    expect(scanner.offset).toBe(0);
    expect(scanner.pendingBytes).toBe(0);
    scanner.push(hex("018090"));
    expect(() => scanner.next()).toThrow(expect.objectContaining({ offset: 2 }));
    scanner.reset();
    scanner.push(hex("01800181"));
    expect(scanner.next()).toStrictEqual([1]);
    scanner.reset();
  }
});

test("gives the same results for each stream, whatever it has read before", () => {
  const long = Array.from({ length: 3000 }, (_, index): Expression => [
    index,
    bytesOf(index % 70),
    [[index * 2 ** 20]],
  ]);
  const streams: [Uint8Array, how: "push" | "lend"][] = [
    [encode([1, [2, [bytesOf(3)]]]), "push"],
    [encode(long), "lend"], // Longer than a step, so that its lists are remembered.
    [encode(long).subarray(0, 30_000), "push"], // Incomplete, with lists that are remembered.
    [encode(long), "push"],
    [encode(long).subarray(0, 30_000), "lend"],
    [encode(nestedIn(900)), "lend"],
    [Uint8Array.of(...encode(7), 0x90), "lend"],
    [Uint8Array.of(...encode([7]), 0x05, 0x80, 0x01), "push"],
  ];
  const outcome = (scanner: Scanner, [bytes, how]: (typeof streams)[number]): unknown[] => {
    const results: unknown[] = [];
    const reader = new BananaReader();
    try {
      for (let start = 0; start < bytes.length; start += 5000) {
        scanner[how](bytes.slice(start, start + 5000));
        while (scanner.advance(reader, 4000) || scanner.isInterrupted) {
          if (scanner.isInterrupted) results.push("interrupted");
          else results.push(reader.isLong(), toHex(encode(readExpression(reader))));
        }
      }
    } catch (error) {
      results.push((error as BananaError).code);
    }
    return [...results, scanner.offset, scanner.pendingBytes];
  };
  const used = new Scanner();
  for (let round = 0; round < 3; round++) {
    for (const stream of streams) {
      expect(outcome(used, stream)).toStrictEqual(outcome(new Scanner(), stream));
      used.reset();
    }
  }
});

test("does not write into a chunk that it was lent, when all of it was read", () => {
  const scanner = new Scanner();
  for (let round = 0; round < 3; round++) {
    const chunk = encode(new Uint8Array(50_000).fill(7));
    const before = chunk.slice();
    scanner.lend(chunk);
    expect(scanner.next()).toHaveLength(50_000);
    expect(scanner.next()).toBeUndefined();
    new Scanner().push(new Uint8Array(20_000).fill(1));
    scanner.push(encode(bytesOf(9)).subarray(0, 5));
    expect(chunk).toStrictEqual(before);
    scanner.reset();
  }
});

describe("memory", () => {
  test("is not allocated for an announced length", () => {
    // The heads of ten nested lists of 600,000 elements each, without the elements.
    const scanner = new Scanner();
    const header = hex("404f2480");
    for (let level = 0; level < 10; level++) scanner.push(header);
    const { copied, allocated } = countingBytes(() => expect(scanner.next()).toBeUndefined());
    expect(copied).toBeLessThan(100);
    expect(allocated).toBeLessThan(200);
  });

  test("is not shared between decoded byte strings", () => {
    const value = decode(encode([new Uint8Array(10), new Uint8Array(60_000)])) as Uint8Array[];
    expect(value.map((bytes) => bytes.buffer.byteLength)).toStrictEqual([10, 60_000]);
  });

  test("is released when all expressions were returned", () => {
    const scanner = new Scanner();
    scanner.push(encode(new Uint8Array(600_000)));
    const reader = new BananaReader();
    expect(scanner.advance(reader)).toBe(true);
    expect(scanner.advance(reader)).toBe(false);
    const { allocated } = countingBytes(() => scanner.push(hex("0181")));
    expect(allocated).toBeLessThan(5000);
  });
});

describe("large expressions", () => {
  const MIB = 1024 * 1024;
  const large = encode(Array.from({ length: 480 }, (_, index) => new Uint8Array(100_000).fill(index)));
  /** The matchers of the test framework take a minute for it. */
  const isLarge = (value: unknown): boolean => isDeepStrictEqual(value, decode(large));
  const push = (scanner: Scanner, bytes: Uint8Array): void => {
    const reader = new BananaReader();
    for (let start = 0; start < bytes.length; start += 256 * 1024) {
      scanner.push(bytes.subarray(start, start + 256 * 1024));
      scanner.advance(reader);
    }
  };

  test("are copied once they have 8 MiB, and then not again", () => {
    const scanner = new Scanner();
    const { copied, allocated } = countingBytes(() => push(scanner, large.subarray(0, -1)));
    expect(copied).toBeLessThan(large.length + 17 * MIB);
    expect(allocated).toBeLessThan(72 * MIB + 17 * MIB);
    scanner.push(large.subarray(-1));
    expect(isLarge(scanner.next())).toBe(true);
  });

  test("are refused at the limit of a message without a buffer of twice the limit", () => {
    const scanner = new Scanner({ limits: { expressionBytes: 64 * MIB } });
    scanner.push(hex("404f2480")); // The head of a list of 600,000 elements.
    const string = encode(new Uint8Array(100_000));
    let sent = 0;
    const { allocated } = countingBytes(() => {
      expect(() => {
        for (; sent < 80 * MIB; sent += string.length) push(scanner, string);
      }).toThrow(expect.objectContaining({ code: "BANANA_EXPRESSION_TOO_LARGE" }));
    });
    expect(sent).toBeGreaterThan(63 * MIB);
    expect(allocated).toBeLessThan(72 * MIB + 17 * MIB);
  });

  test("do not keep their buffer for the start of the next one", () => {
    const scanner = new Scanner();
    push(scanner, large);
    const { allocated, copied } = countingBytes(() => {
      push(scanner, hex("0582616263")); // A part of a string of 5 bytes.
      push(scanner, hex("6465"));
    });
    expect(allocated).toBeLessThan(5000); // It uses a small buffer now.
    expect(copied).toBe(5 + 5 + 2);
  });

  test("leave a buffer that has no room for the rest, although a part of it was read", () => {
    const limits = { stringBytes: 64 * MIB };
    const scanner = new Scanner({ limits });
    const first = encode(new Uint8Array(30 * MIB), { limits });
    scanner.push(first.subarray(0, 17 * MIB));
    expect(scanner.next()).toBeUndefined();
    scanner.push(first.subarray(17 * MIB));
    scanner.push(large.subarray(0, 40 * MIB)); // Received before the first one was read.
    expect(scanner.next()).toHaveLength(30 * MIB);
    scanner.push(large.subarray(40 * MIB));
    expect(isLarge(scanner.next())).toBe(true);
  });

  test("of which many are received before they are read are copied a constant number of times", () => {
    const small = encode(new Uint8Array(MIB / 2));
    const scanner = new Scanner();
    const count = 400;
    const { copied } = countingBytes(() => {
      for (let index = 0; index < 140; index++) scanner.push(small);
      for (let index = 140; index < count; index++) {
        expect(scanner.next()).toHaveLength(MIB / 2);
        scanner.push(small);
      }
    });
    expect(copied).toBeLessThan(18 * count * small.length);
  });
});

// complexity.test.ts counts the work; this checks only how often bytes are copied.
describe("copies each byte at most a constant number of times", () => {
  const string = encode(new Uint8Array(600_000));
  const list = encode(Array.from({ length: 600_000 }, (_, index): Expression => index % 100));
  test.each<[string, Uint8Array, number]>([
    ["a string of 600 kB, byte by byte", string, 1],
    ["a string of 600 kB, in chunks of 1,000", string, 1000],
    ["a list of 600,000 elements, in chunks of 100", list, 100],
    ["a list of 600,000 elements, in chunks of 64 kB", list, 65_536],
  ])("%s", (_, bytes, size) => {
    for (const how of ["push", "lend"] as const) {
      const scanner = new Scanner();
      let early = 0;
      let complete: unknown;
      const { copied, allocated } = countingBytes(() => {
        for (let start = 0; start < bytes.length; start += size) {
          scanner[how](bytes.subarray(start, start + size));
          complete = scanner.next();
          if (complete !== undefined && start + size < bytes.length) early++;
        }
      });
      expect(early).toBe(0);
      expect(complete).toBeDefined();
      expect(copied).toBeLessThanOrEqual(3 * bytes.length);
      expect(allocated).toBeLessThanOrEqual(6 * bytes.length);
    }
  });
});

/** The number of bytes that `Uint8Array.set` copies and that typed arrays allocate while `work` runs. */
function countingBytes(work: () => void): { copied: number; allocated: number } {
  let copied = 0;
  let allocated = 0;
  // eslint-disable-next-line @typescript-eslint/unbound-method
  const original = { set: Uint8Array.prototype.set, Uint8Array, Int32Array };
  Uint8Array.prototype.set = function (this: Uint8Array, source: ArrayLike<number>, at?: number) {
    copied += source.length;
    original.set.call(this, source, at);
  };
  const counted = <Made extends typeof Uint8Array | typeof Int32Array>(made: Made): Made =>
    new Proxy(made, {
      construct(target, args, newTarget) {
        if (typeof args[0] === "number") allocated += args[0] * target.BYTES_PER_ELEMENT;
        return Reflect.construct(target, args, newTarget) as object;
      },
    });
  globalThis.Uint8Array = counted(Uint8Array);
  globalThis.Int32Array = counted(Int32Array);
  try {
    work();
  } finally {
    globalThis.Uint8Array = original.Uint8Array;
    globalThis.Int32Array = original.Int32Array;
    Uint8Array.prototype.set = original.set;
  }
  return { copied, allocated };
}

function bytesOf(length: number): Uint8Array {
  return new Uint8Array(length).fill(0x61);
}

function nestedIn(depth: number): Expression {
  let value: Expression = [];
  for (let level = 1; level < depth; level++) value = [value, level];
  return value;
}
