import { checkNumber, Jellier, jelly, Unjellier, unjelly, withDefaults } from "@pb/jelly-types";
import { TreeWriter } from "@pb/banana";
import { describe, expect, test } from "vitest";

const defaults = { calls: 10, waitMs: 500, share: 0.5, mode: "wait", isStrict: false, nested: { depth: 1 } };
const accepted = { share: { most: 1 }, mode: ["wait", "refuse"] };

const complete = (given: object | undefined) => withDefaults<typeof defaults>("limit", defaults, given, accepted);

describe("withDefaults", () => {
  test("replaces the defaults that are given, and only those", () => {
    expect(complete({ calls: 1, mode: "refuse", isStrict: true })).toStrictEqual({
      ...defaults,
      calls: 1,
      mode: "refuse",
      isStrict: true,
    });
    expect(complete(undefined)).toStrictEqual(defaults);
  });

  test("takes undefined for the default", () => {
    const everything = Object.fromEntries(Object.keys(defaults).map((name) => [name, undefined]));
    expect(complete(everything)).toStrictEqual(defaults);
  });

  test.each([
    { calls: Infinity },
    { calls: 0 },
    { waitMs: 0 },
    { waitMs: 0.5 },
    { waitMs: Infinity },
    { share: 0 },
    { share: 1 },
  ])("accepts %o", (given) => {
    expect(complete(given)).toStrictEqual({ ...defaults, ...given });
  });

  test.each([
    [{ calls: NaN }, "The limit calls must be an integer from 0 to Infinity, not NaN"],
    [{ calls: -1 }, "The limit calls must be an integer from 0 to Infinity, not -1"],
    [{ calls: 1.5 }, "The limit calls must be an integer from 0 to Infinity, not 1.5"],
    [{ calls: "10" }, 'The limit calls must be an integer from 0 to Infinity, not "10"'],
    [{ calls: null }, "The limit calls must be an integer from 0 to Infinity, not null"],
    [{ calls: 10n }, "The limit calls must be an integer from 0 to Infinity, not 10"],
    [{ waitMs: -0.1 }, "The limit waitMs must be a number from 0 to Infinity, not -0.1"],
    [{ waitMs: NaN }, "The limit waitMs must be a number from 0 to Infinity, not NaN"],
    [{ share: 1.1 }, "The limit share must be a number from 0 to 1, not 1.1"],
    [{ mode: "close" }, 'The limit mode must be one of wait, refuse, not "close"'],
    [{ isStrict: "false" }, 'The limit isStrict must be of the type boolean, not "false"'],
    [{ nested: 1 }, "The limit nested must be of the type object, not 1"],
    [{ call: 1 }, "There is no limit call"],
    [{ toString: 1 }, "There is no limit toString"],
    [5, "The limits must be an object, not 5"],
    ["calls", 'The limits must be an object, not "calls"'],
    [null, "The limits must be an object, not null"],
  ])("refuses %o", (given, message) => {
    expect(() => complete(given as object)).toThrow(new TypeError(message));
  });
});

test("checkNumber accepts the ends of its range and nothing beyond them", () => {
  const check = (value: unknown) => () => checkNumber("The size", value, { least: 2, most: 4, isWhole: true });
  for (const value of [2, 3, 4]) expect(check(value)).not.toThrow();
  for (const value of [1, 5, 2.5, NaN, "3", undefined]) expect(check(value)).toThrow(TypeError);
});

test.each([NaN, 0, -1, 1.5, "5"])("the depth %o is refused by both directions", (depth) => {
  const options = { depth: depth as number };
  expect(() => new Unjellier(options)).toThrow(TypeError);
  expect(() => new Jellier(new TreeWriter(), options)).toThrow(TypeError);
});

test("undefined is the default of every option of both directions", () => {
  const options = { depth: undefined, integers: undefined, floats: undefined, dicts: undefined } as object;
  expect(unjelly(jelly([[1]], options), options)).toEqual([[1]]);
  expect(() => unjelly(1, { integers: "string" as "number" })).toThrow(TypeError);
});
