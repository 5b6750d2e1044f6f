// Options of portals, checkers and logins: undefined is the default, and a value of the wrong kind is refused.

import {
  defaultLoginLimits,
  defaultLoginPolicy,
  FilePasswordDB,
  InMemoryUsernamePasswordChecker,
  login,
  Portal,
  ScramVerifier,
  ScryptHash,
  UsernamePassword,
} from "@pb/cred";
import type { FilePasswordOptions, LoginOptions, PortalOptions, Realm } from "@pb/cred";
import { Avatar } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { describe, expect, test } from "vitest";

class User extends Avatar {}

const realm: Realm = { requestAvatar: () => ({ avatar: new User() }) };
const bad = [NaN, -1, "5", null];

const undefinedOptions = (names: object): object =>
  Object.fromEntries(Object.keys(names).map((name) => [name, undefined]));

test("undefined is the default of every option", async () => {
  const users = new InMemoryUsernamePasswordChecker({ ann: "secret" }, { iterations: undefined, secret: undefined });
  const root = new Portal(realm, [users], {
    limits: undefinedOptions(defaultLoginLimits),
    policy: undefinedOptions(defaultLoginPolicy),
  });
  const { client } = await connectedPair({ root });
  const options: LoginOptions = { leastIterations: undefined, mostIterations: undefined, timeoutMs: undefined };
  const avatar = await login(client, new UsernamePassword("ann", "secret"), null, options);
  expect(avatar.isAlive).toBe(true);
});

describe.each(Object.keys(defaultLoginLimits))("the limit %s", (name) => {
  test.each(bad)("is not %o", (value) => {
    expect(() => new Portal(realm, [], { limits: { [name]: value } })).toThrow(TypeError);
  });
});

test("a portal refuses an unknown word in its policy", () => {
  const options = { policy: { bearer: "tls" } } as unknown as PortalOptions;
  expect(() => new Portal(realm, [], options)).toThrow(TypeError);
});

test.each(bad)("the number %o of iterations is refused", async (value) => {
  const iterations = value as number;
  await expect(ScramVerifier.of("secret", { iterations })).rejects.toThrow(TypeError);
  await expect(ScryptHash.of("secret", { ln: iterations })).rejects.toThrow(TypeError);
  expect(() => new InMemoryUsernamePasswordChecker({}, { iterations })).toThrow(TypeError);
  const { client } = await connectedPair({});
  const credentials = new UsernamePassword("ann", "secret");
  await expect(login(client, credentials, null, { mostIterations: iterations })).rejects.toThrow(TypeError);
  await expect(login(client, credentials, null, { leastIterations: iterations })).rejects.toThrow(TypeError);
  await expect(login(client, credentials, null, { timeoutMs: iterations })).rejects.toThrow(TypeError);
});

test.each([{ usernameField: -1 }, { passwordField: 0.5 }, { usernameField: NaN }, { delim: 5 }, { delim: "" }])(
  "a file of passwords refuses %o",
  (options) => {
    expect(() => new FilePasswordDB({ read: () => "" }, options as unknown as FilePasswordOptions)).toThrow(TypeError);
  },
);

test.each<[string, () => unknown]>([
  ["a misspelled option of a portal", () => new Portal(realm, [], { onevent: () => 1 } as object)],
  ["a watcher that is no function", () => new Portal(realm, [], { onEvent: 5 } as object)],
  ["limits that are no object", () => new Portal(realm, [], { limits: 5 } as object)],
  ["a misspelled limit", () => new Portal(realm, [], { limits: { name: 5 } as object })],
  ["a class as realm", () => new Portal(class {} as unknown as Realm)],
  ["a promise of a realm", () => new Portal(Promise.resolve(realm) as unknown as Realm)],
  ["one checker in place of a list", () => new Portal(realm, new InMemoryUsernamePasswordChecker() as never)],
  ["a class as checker", () => new Portal(realm, [InMemoryUsernamePasswordChecker as never])],
  ["a misspelled option of a checker", () => new InMemoryUsernamePasswordChecker({}, { iteration: 5 } as object)],
  ["a secret that is text", () => new InMemoryUsernamePasswordChecker({}, { secret: "x" } as object)],
  ["a misspelled option of a file", () => new FilePasswordDB({ read: () => "" }, { delimiter: ";" } as object)],
  ["a text as condition", () => new FilePasswordDB({ read: () => "" }, { caseSensitive: "no" } as object)],
])("%s is refused", (_what, give) => {
  expect(give).toThrow(TypeError);
});

test.each([{ minimum: "scram" }, { timeout: 5 }, { allowUnencryptedToken: "no" }, { signal: 5 }, null])(
  "a login refuses %o",
  async (options) => {
    const { client } = await connectedPair({});
    const credentials = new UsernamePassword("ann", "secret");
    await expect(login(client, credentials, null, options as LoginOptions)).rejects.toThrow(TypeError);
    await expect(ScramVerifier.of("secret", { salt: "x" } as object)).rejects.toThrow(TypeError);
  },
);
