/**
 * Builds the JavaScript of the package in the current directory: one output for each entry point in "exports" of its
 * package.json, and one for the program of a thread, src/worker.ts, if there is one. The compiler writes the
 * declarations, with maps to the sources.
 */
import { existsSync, readFileSync } from "node:fs";
import { defineConfig } from "tsup";
import type { Options } from "tsup";
import { requireOneByte, toOneByte } from "./one-byte.js";
import { markPure } from "./pure.js";

const manifest = JSON.parse(readFileSync("package.json", "utf8")) as {
  version: string;
  exports: Record<string, { "@pb/source": string; default: string }>;
};

const entries = Object.values(manifest.exports).map((entry) => {
  const output = entry.default.replace(/^\.\/dist\//, "").replace(/\.js$/, "");
  return [output, entry["@pb/source"]];
});
if (existsSync("src/worker.ts")) entries.push(["worker", "src/worker.ts"]);

/**
 * Gives classes their own names. For a class that refers to itself, esbuild writes `var Decimal = class _Decimal {`,
 * and logs would show `_Decimal`; inside the class, `Decimal` means the same. (esbuild's `keepNames` adds a call per
 * function.)
 */
const classNames: Plugin = {
  name: "class names",
  renderChunk(code, { map }) {
    const renamed = [...code.matchAll(/^var (\w+) = class _\1\b/gm)].map(([, name]) => name);
    if (renamed.length === 0) return;
    return { code: code.replaceAll(new RegExp(`\\b_(${renamed.join("|")})\\b`, "g"), "$1"), map: map ?? null };
  },
};

/** Lets bundlers drop unused declarations. */
const pure: Plugin = {
  name: "pure",
  renderChunk: (code, { map }) => ({ code: markPure(code), map: map ?? null }),
};

/** The text of a module takes half as much memory. */
const oneByte: Plugin = {
  name: "one byte",
  renderChunk: (code, { map }) => ({ code: requireOneByte(toOneByte(code)), map: map ?? null }),
};

type Plugin = NonNullable<Options["plugins"]>[number];

export default defineConfig({
  plugins: [classNames, pure, oneByte],
  entry: Object.fromEntries(entries),
  define: { PB_VERSION: JSON.stringify(manifest.version) },
  format: "esm",
  target: ["es2022", "node20.19"],
  platform: "neutral",
  silent: true,
  sourcemap: true,
  clean: true,
});
