// Golden vectors: the bytes that Twisted writes and reads, which this package must write and read too.

import { decode, encode } from "@pb/banana";
import { InsecureJellyError, jelly, JellyError, unjelly } from "@pb/jelly-types";
import type { Case } from "./helpers/graphs.js";
import { build, difference, fromHex, policies, readVectors, toHex } from "./helpers/graphs.js";
import { describe, expect, test } from "vitest";

const exact = { integers: "bigint", floats: "exact", dicts: "map" } as const;
const vectors = readVectors("jelly.json");

function read(hex: string, taster: string, options = {}): unknown {
  return unjelly(decode(fromHex(hex), { dialect: "pb" }), {
    policy: policies[taster],
    unknownCopies: "keep",
    ...options,
  });
}

function write(value: unknown, taster: string): string {
  return toHex(encode(jelly(value, { policy: policies[taster] }), { dialect: "pb" }));
}

/**
 * Twisted replaces an instance that it may not send by a placeholder. The jellier throws instead, so that the sender is
 * told.
 */
function isApology({ decoded }: Case): boolean {
  return decoded !== undefined && JSON.stringify(decoded).includes('"unpersistable"');
}

/** The state does not contain all attributes. */
function isFiltered({ name }: Case): boolean {
  return name === "Jellyable with getStateFor";
}

/** A class that the peer refuses: with the same policy, the jellier does not send it. */
const REFUSED_BY_BOTH = "class under broker security: jellies, peer refuses";
/** Twisted sends None for a state without attributes, which Twisted 22.4 cannot read. */
const NO_ATTRIBUTES = "instance with empty dict (Python 3.11 getstate gives None)";

describe("writes the bytes that Twisted writes", () => {
  for (const vector of vectors.filter(({ direction }) => direction === "both" || direction === "lossy")) {
    const { name, hex, taster, value } = vector;
    if (isApology(vector)) {
      test(`except for ${name}, which throws`, () => {
        expect(() => write(build(value, true), taster)).toThrow(
          expect.objectContaining({ code: "JELLY_NOT_JELLYABLE" }),
        );
      });
    } else if (name === REFUSED_BY_BOTH) {
      test(`except for ${name}`, () => {
        expect(() => write(build(value), taster)).toThrow(InsecureJellyError);
        expect(write(build(value), "dummy")).toBe(hex);
      });
    } else if (name === NO_ATTRIBUTES) {
      test(`except for ${name}, which is an empty dict that both can read`, () => {
        expect(write(build(value), taster)).toBe(hex!.replace(/01800187$/, "01800587"));
      });
    } else {
      test(name, () => expect(write(build(isFiltered(vector) ? vector.decoded! : value), taster)).toBe(hex));
    }
  }
});

describe("reads what Twisted reads", () => {
  for (const { name, hex, taster, value, decoded, decode_error, direction } of vectors) {
    if (hex === null) continue;
    if (decode_error !== undefined && name !== NO_ATTRIBUTES) {
      test(`refuses ${name}`, () => expect(() => read(hex, taster)).toThrow(InsecureJellyError));
    } else if (direction === "decode" && value.t === "unresolved") {
      test(`${name}, for which Twisted returns a placeholder`, () => {
        if (name === "decode forward dereference in a tuple") {
          expect(read(hex, taster)).toEqual([5, 5]);
        } else {
          expect(() => read(hex, taster)).toThrow(expect.objectContaining({ code: "JELLY_UNRESOLVED_REFERENCE" }));
        }
      });
    } else {
      test(name, () => {
        const found = read(hex, taster, exact);
        if (name === NO_ATTRIBUTES) expect(found).toMatchObject({ name: value.class, state: null });
        else if (value.t === "set")
          expect(found).toEqual(build(value)); // in whatever order
        else expect(difference(found, build(decoded ?? value))).toBeUndefined();
      });
    }
  }
});

describe("refuses to write what Twisted cannot", () => {
  for (const { name, taster, value } of vectors.filter(({ direction }) => direction === "encode")) {
    if (name.includes("tz refused")) {
      test(`${name}, for which there is no JavaScript value`, () => {
        expect(Object.keys(build(value) as object)).not.toContain("tzinfo");
      });
    } else if (value.t === "decimal") {
      test(`${name}, for which there is no JavaScript value`, () => expect(() => build(value)).toThrow(TypeError));
    } else if (value.t === "function" || value.t === "method") {
      test(`but ${name.replace("cannot", "can")}, where Twisted confuses str and bytes`, () => {
        const method = build(value);
        expect(
          difference(
            unjelly(jelly(method, { policy: policies[taster] }), { ...exact, policy: policies[taster] }),
            method,
          ),
        ).toBeUndefined();
      });
    } else {
      test(name, () => expect(() => write(build(value), taster)).toThrow(JellyError));
    }
  }
});

describe("refuses to read what Twisted refuses", () => {
  for (const { name, hex, taster, kind } of readVectors("jelly-insecure.json")) {
    test(name, () => {
      const error = errorOf(() => unjelly(decode(fromHex(hex!), { dialect: "pb" }), { policy: policies[taster] }));
      expect(error).toBeInstanceOf(JellyError);
      // Twisted searches the module first, and does not find the class.
      if (name === "allowed module, no such name") expect(error).toMatchObject({ typeName: "pbvec_classes.Nope" });
      else if (kind === "insecure")
        expect(error).toMatchObject({ code: "JELLY_NOT_ALLOWED", typeName: expect.any(String) });
      else expect(error).not.toBeInstanceOf(InsecureJellyError);
    });
  }
});

/** Vectors that are accepted although Twisted never writes them. They are sent on in their canonical form. */
const UNUSUAL = [
  "decode list with reference id 7",
  "decode forward dereference in a list",
  "decode forward dereference in a tuple",
  "decode set with forward dereference in a list",
  "decode reference to an int",
  "decode reference id may be bytes",
  "decode unicode with extra items",
  "decode boolean with extra items",
  "decode datetime spaces, sign, leading zero",
  "decode time one field",
  // eslint-disable-next-line pb/english -- the name of a recorded vector
  "decode timedelta normalises",
  "decode timedelta negative parts",
  "decode decimal from float mantissa",
  "decode dictionary duplicate keys: last wins",
  "decode set duplicates",
  "decode persistent without loader",
];

describe("sends on exactly what it received, with every exactness option", () => {
  for (const { name, hex, taster } of vectors) {
    if (hex === null || name === REFUSED_BY_BOTH || name === "decode unresolved dereference at top") continue;
    const isUnusual = UNUSUAL.includes(name);
    test(isUnusual ? `${name}, in its canonical form` : name, () => {
      const once = write(read(hex, taster, exact), taster);
      if (isUnusual) expect(once).not.toBe(hex);
      else expect(once).toBe(hex);
      expect(write(read(once, taster, exact), taster)).toBe(once);
    });
  }
});

function errorOf(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error("Nothing was thrown");
}
