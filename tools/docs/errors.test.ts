// Every error class of a package is exported and documented.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect, it } from "vitest";
import { publicPackages } from "../checks/workspace.js";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Internal classes. They are replaced by, or caught as, the class on the right before they reach an application. */
const internal = new Map([
  ["UnsettledError", "JellyError"],
  ["ChannelBindingUnavailable", "LoginFailed"],
  ["Canceled", "RemoteError"],
  ["NotExpected", "RemoteError"],
  ["DependencyFailed", "RemoteError"],
  ["NotAReference", "RemoteError"],
  ["OnceRefused", "RemoteError"],
  ["AnswerNotKept", "RemoteError"],
  ["AnswerForgotten", "RemoteError"],
]);

it.each(publicPackages(root).map(({ folder, manifest }) => [manifest.name, join(root, "packages", folder)]))(
  "%s exports and documents its error classes",
  async (name, folder) => {
    const entries = ["src/index.ts", "src/extension.ts", "src/schema/index.ts"]
      .map((path) => join(folder, path))
      .filter((path) => existsSync(path));
    const modules = (await Promise.all(entries.map((path) => import(pathToFileURL(path).href)))) as object[];
    const exported = Object.assign({}, ...modules) as object;
    const documents = readdirSync(folder).filter((file) => file.endsWith(".md"));
    const text = documents.map((file) => readFileSync(join(folder, file), "utf8")).join();
    const classes = await errorClassesIn(join(folder, "src"));
    if (name === "@pb/broker") expect(classes).toContain("ProtocolError"); // The search works.
    expect(classes.filter((name) => !Object.hasOwn(exported, name))).toEqual([]);
    expect(classes.filter((name) => !new RegExp(`\\b${name}\\b`).test(text))).toEqual([]);
  },
);

async function errorClassesIn(folder: string): Promise<string[]> {
  const names = new Set<string>();
  for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const path = join(folder, file);
    if (!file.endsWith(".ts") || !/ class \w+ extends /.test(readFileSync(path, "utf8"))) continue;
    for (const [name, value] of Object.entries((await import(pathToFileURL(path).href)) as object)) {
      if (typeof value === "function" && value.prototype instanceof Error && !internal.has(name)) names.add(name);
    }
  }
  return [...names].sort();
}
