// The errors of all packages: one base class, and codes of one scheme.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { PerspectiveBrokerError } from "@pb/banana";

const packages = new URL("../../", import.meta.url);

/** The source files of the entry points of a package. */
function entryPoints(folder: string): string[] {
  const file = new URL(`${folder}/package.json`, packages);
  if (!existsSync(file)) return []; // A package in another language.
  const manifest = JSON.parse(readFileSync(file, "utf8")) as {
    readonly private?: boolean;
    readonly exports?: Readonly<Record<string, { readonly "@pb/source"?: string }>>;
  };
  if (manifest.private === true) return [];
  return Object.values(manifest.exports ?? {}).flatMap(({ "@pb/source": source }) => source ?? []);
}

type ErrorClass = abstract new (...args: never[]) => Error;

function isErrorClass(value: unknown): value is ErrorClass {
  return typeof value === "function" && (value.prototype as unknown) instanceof Error;
}

const published = readdirSync(packages, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entryPoints(entry.name).length > 0)
  .map(({ name }) => name);

/** The classes of errors that the entry points of a package export, by name. */
async function errorClasses(folder: string): Promise<Map<string, ErrorClass>> {
  const classes = new Map<string, ErrorClass>();
  for (const entry of entryPoints(folder)) {
    const exported = (await import(new URL(`${folder}/${entry}`, packages).href)) as Record<string, unknown>;
    for (const [name, value] of Object.entries(exported)) if (isErrorClass(value)) classes.set(name, value);
  }
  return classes;
}

test("every published package is checked", () => {
  expect(published).toEqual(expect.arrayContaining(["banana", "broker", "cred", "jelly-types", "node-transport"]));
});

describe.each(published)("@pb/%s", (folder) => {
  test("exports only error classes that extend PerspectiveBrokerError", async () => {
    const classes = [...(await errorClasses(folder)).values()].filter((type) => type !== PerspectiveBrokerError);
    const others = classes.filter((type) => !(type.prototype instanceof PerspectiveBrokerError));
    expect(others.map(({ name }) => name)).toEqual([]);
  });

  test("exports only error classes whose code is FAMILY_DETAIL", async () => {
    for (const [name, type] of await errorClasses(folder)) {
      if (type === PerspectiveBrokerError) continue;
      // The first parameter of some classes is the code. All codes that it accepts are checked in errors.test-d.ts.
      const description = { type: "shop.SoldOut", message: "text", parents: ["shop.SoldOut"] };
      const parameters = name === "RemoteError" ? [description] : ["TEST_CODE", "text"];
      const { code } = Reflect.construct(type, parameters) as PerspectiveBrokerError;
      expect(code, name).toMatch(/^[A-Z]+(_[A-Z0-9]+)+$/);
    }
  });
});
