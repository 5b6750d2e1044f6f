// The table of limits in SECURITY.md is made from the code, and the tests that the page names exist.

import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { defaultLimits } from "@pb/banana";
import { defaultBrokerLimits } from "@pb/broker";
import { defaultLoginLimits } from "@pb/cred";
import { defaultLiveness, defaultServerLimits } from "@pb/node-transport";

const root = fileURLToPath(new URL("../../", import.meta.url));
const read = (path: string) => readFileSync(root + path, "utf8");
const page = read("SECURITY.md");

const sources: [option: string, file: string, defaults: object][] = [
  ["`limits` of `listen`", "packages/transport/src/server/admission.ts", defaultServerLimits],
  ["`liveness` of `connect` and `listen`", "packages/transport/src/liveness.ts", defaultLiveness],
  ["`limits` of a `Portal`", "packages/cred/src/limits.ts", defaultLoginLimits],
  ["`broker.limits`", "packages/broker/src/limits.ts", defaultBrokerLimits],
  ["`broker.limits.banana`", "packages/banana/src/limits.ts", defaultLimits],
];

/** The first sentence of the comment of each property in a file, which says what the property limits. */
function sentences(file: string): Map<string, string> {
  const comments = read(file).matchAll(/\/\*\*((?:(?!\*\/)[^])*)\*\/\s*readonly (\w+)\??:/g);
  return new Map(
    [...comments].map(([, comment = "", name = ""]) => {
      const text = comment.replace(/\s*\n\s*\* ?/g, " ").trim();
      return [name, /^.*?\.(?= |$)/.exec(text)![0].replace(/\{@link (\w+)\}/g, "`$1`")];
    }),
  );
}

function table(): string {
  const rows = sources.flatMap(([option, file, defaults]) => {
    const meanings = sentences(file);
    return Object.entries(defaults)
      .filter(([, value]) => typeof value !== "object")
      .map(([name, value]) => {
        const shown = typeof value === "number" ? value.toLocaleString("en-US") : `\`${String(value)}\``;
        return `| \`${name}\` | ${shown} | ${meanings.get(name) ?? ""} | ${option} |`;
      });
  });
  return ["| Limit | Default | What it limits | Option |", "| --- | --- | --- | --- |", ...rows].join("\n");
}

test("SECURITY.md lists all limits with their defaults", async () => {
  const text = page.replace(
    /(ignore-start -->\n)[^]*(<!-- prettier-ignore-end)/,
    (_all, start: string, end: string) => `${start}\n${table()}\n\n${end}`,
  );
  expect(text).not.toMatch(/\|\s*\|\s*\n/);
  await expect(text).toMatchFileSnapshot(`${root}SECURITY.md`);
});

test("SECURITY.md names tests that exist", () => {
  const links = [...page.matchAll(/\]\((packages\/[^)]+)\)/g)].map(([, path = ""]) => path);
  expect(links.length).toBeGreaterThan(20);
  expect(links.filter((path) => !existsSync(root + path))).toEqual([]);
});
