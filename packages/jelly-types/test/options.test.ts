import {
  checkNumber,
  checkOptions,
  Jellier,
  jelly,
  nearest,
  TypeRegistry,
  Unjellier,
  unjelly,
  withDefaults,
} from "@pb/jelly-types";
import type { OptionKinds } from "@pb/jelly-types";
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
    expect(complete({ unknown: undefined })).toStrictEqual(defaults);
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
    [{ call: 1 }, 'There is no limit "call": did you mean calls?'],
    [{ toString: 1 }, 'There is no limit "toString": expected one of calls, waitMs, share, mode, isStrict, nested'],
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

describe("checkOptions", () => {
  interface Options {
    onEvent?: unknown;
    isOpen?: unknown;
    name?: unknown;
    mode?: unknown;
    key?: unknown;
    names?: unknown;
    list?: unknown;
    limits?: unknown;
    signal?: unknown;
    types?: unknown;
    size?: unknown;
  }
  const kinds: OptionKinds<Options> = {
    onEvent: "function",
    isOpen: "boolean",
    name: "string",
    mode: ["wait", "fail"],
    key: "bytes",
    names: "iterable",
    list: "list",
    limits: "object",
    signal: "signal",
    types: TypeRegistry,
    size: "any",
  };
  const checked = (options: unknown) => () =>
    checkOptions(options as Options, kinds, { limits: ["depth", "callsRunning"] });

  test("accepts missing, undefined and good options", () => {
    const everything = Object.fromEntries([...Object.keys(kinds), "unknown"].map((name) => [name, undefined]));
    for (const options of [undefined, {}, everything]) expect(checked(options)).not.toThrow();
    for (const options of [
      { onEvent: () => 1, isOpen: false, name: "", mode: "wait", key: new Uint8Array(), names: new Set(["a"]) },
      { names: [], list: [], limits: {}, signal: new AbortController().signal, types: new TypeRegistry() },
      { signal: null, size: NaN },
    ])
      expect(checked(options)).not.toThrow();
  });

  test.each([
    [null, "The options must be an object, not null"],
    ["tcp", 'The options must be an object, not "tcp"'],
    [() => 1, "The options must be an object, not the function "],
    [{ onEvent: 5 }, "The option onEvent must be a function, not 5"],
    [{ onEvent: null }, "The option onEvent must be a function, not null"],
    [{ isOpen: 1 }, "The option isOpen must be true or false, not 1"],
    [{ name: ["a"] }, "The option name must be a string, not a list"],
    [{ mode: "Wait" }, 'The option mode must be one of wait, fail, not "Wait"'],
    [{ key: "secret" }, 'The option key must be a Uint8Array, not "secret"'],
    [{ names: "echo" }, 'The option names must be a list or a set, not "echo"'],
    [{ list: new Set() }, "The option list must be a list, not an object"],
    [{ limits: true }, "The option limits must be an object, not true"],
    [{ limits: null }, "The option limits must be an object, not null"],
    [{ signal: new AbortController() }, "The option signal must be an AbortSignal, not an object"],
    [{ types: {} }, "The option types must be an instance of TypeRegistry, not an object"],
    [{ onevent: 5 }, 'There is no option "onevent": did you mean onEvent?'],
    [{ limit: {} }, 'There is no option "limit": did you mean limits?'],
    [{ singal: 5 }, 'There is no option "singal": did you mean signal?'],
    [{ callsRunning: 5 }, 'There is no option "callsRunning": did you mean limits: { callsRunning }?'],
    [{ constructor: 5 }, expect.stringContaining('There is no option "constructor": expected one of onEvent, isOpen')],
    [JSON.parse('{"__proto__":5}'), expect.stringContaining('There is no option "__proto__"')],
  ])("refuses %o", (options, message) => {
    expect(checked(options)).toThrow(expect.objectContaining({ name: "TypeError", message }));
  });
});

test.each([
  ["tpc", "tcp"],
  ["TCP", "tcp"],
  ["uinx", "unix"],
  ["tsl", "tls"],
  ["system", "systemd"],
  ["localhost", undefined],
  ["", undefined],
  ["x".repeat(100_000), undefined],
])("the word nearest to %s is %s", (word, expected) => {
  expect(nearest(word, ["tcp", "tls", "ssl", "unix", "systemd"])).toBe(expected);
});

test.each([
  () => new Unjellier({ regstry: new TypeRegistry() } as object),
  () => new Jellier(new TreeWriter(), { polcy: 5 } as object),
  () => unjelly(1, { onDropped: "x" } as object),
  () => unjelly(1, { unknownCopies: "drop" } as object),
  () => new TypeRegistry().registerCopy("a.B", class {}, { getstate: () => 1 } as object),
  () => new TypeRegistry().registerCopy("a.B", class {}, { getState: 5 } as object),
])("a misspelled or bad option is refused where it is given (%#)", (give) => {
  expect(give).toThrow(TypeError);
});
