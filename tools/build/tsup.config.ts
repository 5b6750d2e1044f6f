/** Builds the package in the current directory: one output per door that its package.json opens. */
import { readFileSync } from "node:fs";
import { defineConfig } from "tsup";

interface Manifest {
  exports: Record<string, { "@pb/source": string; default: string }>;
}

const manifest = JSON.parse(readFileSync("package.json", "utf8")) as Manifest;

const doors = Object.values(manifest.exports).map((door) => {
  const output = door.default.replace(/^\.\/dist\//, "").replace(/\.js$/, "");
  return [output, door["@pb/source"]];
});

export default defineConfig({
  entry: Object.fromEntries(doors),
  format: "esm",
  target: ["es2022", "node20.19"],
  platform: "neutral",
  dts: true,
  silent: true,
  sourcemap: true,
  clean: true,
});
