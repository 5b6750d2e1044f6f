// A misspelled option is refused where it is given, with the names that exist.

import {
  BananaWriter,
  decode,
  decoderStream,
  encode,
  encoderStream,
  inspect,
  none,
  pb,
  Scanner,
  Session,
} from "@pb/banana";
import type { CodecOptions, SessionOptions } from "@pb/banana";
import { describe, expect, test } from "vitest";

const session = { role: "listener", send: () => undefined } as const;

const users: readonly [name: string, use: (options: CodecOptions) => unknown][] = [
  ["encode", (options) => encode([1], options)],
  ["decode", (options) => decode(encode([1]), options)],
  ["inspect", (options) => inspect(encode([1]), options)],
  ["Scanner", (options) => new Scanner(options)],
  ["BananaWriter", (options) => new BananaWriter(options)],
  ["decoderStream", (options) => decoderStream(options)],
  ["encoderStream", (options) => encoderStream(options)],
];

describe.each(users)("%s", (_name, use) => {
  test.each([
    [{ dialects: pb }, 'There is no option "dialects": expected one of dialect, limits'],
    [{ limit: { depth: 3 } }, 'There is no option "limit": expected one of dialect, limits'],
    [{ limits: { dept: 3 } }, 'There is no option "dept": expected one of prefixBytes, integerDigits, stringBytes'],
    [{ limits: { toString: 3 } }, 'There is no option "toString"'],
    [{ limits: { depth: 0 } }, "Not a limit from 1 to 2147483647: depth 0"],
    [{ limits: { depth: null } }, "Not a limit from 1 to 2147483647: depth null"],
    [{ dialect: "pbx" }, "Unknown dialect: pbx"],
    ["pb", "The options must be an object"],
    [{ dialect: null }, "The option dialect must be a dialect"],
    [{ limits: null }, "The option limits must be an object"],
  ])("refuses %o", (options, message) => {
    expect(() => use(options as CodecOptions)).toThrow(TypeError);
    expect(() => use(options as CodecOptions)).toThrow(message);
  });

  test("takes undefined as the default", () => {
    use({ dialect: undefined, limits: undefined });
    use({ limits: { depth: undefined } } as unknown as CodecOptions);
    use({ dialect: none, dialects: undefined } as CodecOptions);
  });
});

test.each([
  [{ ...session, dialect: pb }, 'There is no option "dialect": expected one of role, send, dialects, limits'],
  [{ ...session, role: "server" }, "The role is listener or initiator"],
  [{ ...session, limits: { dept: 1 } }, 'There is no option "dept"'],
])("Session refuses %o", (options, message) => {
  expect(() => new Session(options as SessionOptions)).toThrow(message);
});
