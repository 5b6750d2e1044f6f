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
