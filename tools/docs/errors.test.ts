// Whoever meets an error can import its class and read about it.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect, it } from "vitest";
import { publicPackages } from "../checks/workspace.js";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Classes that stay inside, and as what they are met outside. */
const inside = new Map([
  ["UnsettledError", "JellyError"],
  ["ChannelBindingUnavailable", "LoginFailed"],
]);

it.each(publicPackages(root).map(({ folder, manifest }) => [manifest.name, join(root, folder)]))(
  "%s exports its error classes, and its documents name them",
  async (_name, folder) => {
    const door = (await import(pathToFileURL(join(folder, "src/index.ts")).href)) as object;
    const documents = readdirSync(folder).filter((file) => file.endsWith(".md"));
    const text = documents.map((file) => readFileSync(join(folder, file), "utf8")).join();
    const classes = await errorClassesIn(join(folder, "src"));
    expect(classes).not.toEqual([]);
    expect(classes.filter((name) => !Object.hasOwn(door, name))).toEqual([]);
    expect(classes.filter((name) => !new RegExp(`\\b${name}\\b`).test(text))).toEqual([]);
  },
);

async function errorClassesIn(folder: string): Promise<string[]> {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
  const names = new Set<string>();
  for (const file of files) {
    const path = join(folder, file);
    if (!/ class \w+ extends /.test(readFileSync(path, "utf8"))) continue;
    for (const [name, value] of Object.entries((await import(pathToFileURL(path).href)) as object)) {
      if (typeof value === "function" && value.prototype instanceof Error && !inside.has(name)) names.add(name);
    }
  }
  return [...names].sort();
}
