/** Builds the package in the current directory: one output per door that its package.json opens. */
import { readFileSync } from "node:fs";
import { defineConfig } from "tsup";
import type { Options } from "tsup";

interface Manifest {
  exports: Record<string, { "@pb/source": string; default: string }>;
}

const manifest = JSON.parse(readFileSync("package.json", "utf8")) as Manifest;

const doors = Object.values(manifest.exports).map((door) => {
  const output = door.default.replace(/^\.\/dist\//, "").replace(/\.js$/, "");
  return [output, door["@pb/source"]];
});

/**
 * esbuild writes `var Decimal = class _Decimal {` for a class that mentions itself, and people would read `_Decimal` in their logs. Inside the
 * class its own name means the same. (`keepNames` would do it, too, with a call for every function there is.)
 */
const classNames: Plugin = {
  name: "class names",
  renderChunk(code, { map }) {
    const renamed = [...code.matchAll(/^var (\w+) = class _\1\b/gm)].map(([, name]) => name);
    if (renamed.length === 0) return;
    return { code: code.replaceAll(new RegExp(`\\b_(${renamed.join("|")})\\b`, "g"), "$1"), map: map ?? null };
  },
};
type Plugin = NonNullable<Options["plugins"]>[number];

export default defineConfig({
  plugins: [classNames],
  entry: Object.fromEntries(doors),
  format: "esm",
  target: ["es2022", "node20.19"],
  platform: "neutral",
  dts: true,
  silent: true,
  sourcemap: true,
  clean: true,
});
