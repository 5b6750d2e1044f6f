// Two copies of the packages in one process, built separately: errors about objects of the other copy name both.

import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type * as broker from "@pb/broker";
import type * as testing from "@pb/broker/testing";
import type * as cred from "@pb/cred";
import type * as jellyTypes from "@pb/jelly-types";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const entries = ["banana", "jelly-types", "broker", "broker/testing", "cred"];

/** Builds all packages as one version. The builds share nothing. */
async function load(folder: string, version: string) {
  const outfile = join(folder, `${version}.mjs`);
  await build({
    stdin: {
      contents: entries.map((name) => `export * from "@pb/${name}";`).join(""),
      resolveDir: join(root, "tools"),
    },
    define: { PB_VERSION: JSON.stringify(version) },
    conditions: ["@pb/source"],
    bundle: true,
    format: "esm",
    target: "es2022",
    outfile,
  });
  return (await import(pathToFileURL(outfile).href)) as typeof broker &
    typeof testing &
    typeof cred &
    typeof jellyTypes;
}

let folder: string;
let here: Awaited<ReturnType<typeof load>>;
let other: typeof here;

beforeAll(async () => {
  folder = mkdtempSync(join(root, "tools/node_modules/.pb-copies-"));
  [here, other] = await Promise.all([load(folder, "0.1.1"), load(folder, "0.1.0")]);
});
afterAll(() => rmSync(folder, { recursive: true }));

const by = (name: string): string => `created by another copy of @pb/${name} (0.1.0; this is 0.1.1)`;

test("a call refuses the objects of another copy, says so, and the connection stays usable", async () => {
  class Root extends here.Root {
    remote_echo = (value: unknown): unknown => value;
  }
  class Thing extends other.Referenceable {}
  class Picture extends other.Copyable {}
  class Board extends other.Cacheable {
    getStateToCacheAndObserveFor(): object {
      return {};
    }
  }
  await using pair = await here.connectedPair({ root: new Root() });
  const remote = await pair.client.getRootObject<{ remote_echo(value: unknown): unknown }>();
  for (const value of [new Thing(), new Picture(), new Board(), other.kwargs({ a: 1 })])
    await expect(remote.callRemote("echo", value)).rejects.toThrow(`it was ${by("broker")}`);
  for (const value of [other.tuple(1), new other.FrozenSet([1]), other.Decimal.parse("1.5"), [{ a: other.tuple() }]])
    await expect(remote.callRemote("echo", value)).rejects.toThrow(`it was ${by("jelly-types")}`);
  await expect(remote.callRemote("echo", new Map([[other.tuple(1), 2]]))).rejects.toThrow(
    `it was ${by("jelly-types")}`,
  );
  await expect(remote.callRemote("echo", new other.Float(2))).rejects.toThrow(`it was ${by("banana")}`);
  expect(await remote.callRemote("echo", here.tuple(1))).toEqual([1]);
});

test("a reference that another copy received is refused", async () => {
  class Root extends other.Root {}
  class Echo extends here.Root {
    remote_echo = (value: unknown): unknown => value;
  }
  await using foreign = await other.connectedPair({ root: new Root() });
  await using pair = await here.connectedPair({ root: new Echo() });
  const remote = await pair.client.getRootObject<{ remote_echo(value: unknown): unknown }>();
  const reference = await foreign.client.getRootObject();
  await expect(remote.callRemote("echo", reference)).rejects.toThrow(`it was ${by("broker")}`);
});

test("options, types, credentials, checkers and stored passwords of another copy are refused", async () => {
  expect(() => new here.TypeRegistry(new other.TypeRegistry() as never)).toThrow(
    `TypeRegistry was ${by("jelly-types")}`,
  );
  const { UsernamePassword, Portal, PasswordChecker, ScramVerifier } = here;
  const portal = new Portal({ requestAvatar: () => ({ avatar: new (class extends other.Avatar {})() }) }, []);
  expect(() => portal.registerChecker(new other.AllowAnonymousAccess())).toThrow(by("cred"));
  const stored = await other.ScramVerifier.of("secret");
  const checker = new PasswordChecker({ find: () => stored as never, stores: [ScramVerifier] } as never);
  await expect(checker.requestAvatarId(new UsernamePassword("ann", "secret") as never)).rejects.toThrow(by("cred"));
  await using pair = await here.connectedPair({ root: portal });
  await expect(here.login(pair.client, new other.Anonymous() as never)).rejects.toThrow(by("cred"));
});

test("a root of another copy can be served: only its methods are used", async () => {
  class Root extends other.Root {
    remote_add = (a: number, b: number): number => a + b;
  }
  await using pair = await here.connectedPair({ root: new Root() });
  expect(await (await pair.client.getRootObject()).callRemote("add", 1, 2)).toBe(3);
});

test("objects of the own copy, and plain objects, are not of another copy", () => {
  expect(() => here.jelly(new (class Plain {})())).toThrow("register its class");
  expect(() => here.jelly(here.kwargs({}))).toThrow("register its class");
});
