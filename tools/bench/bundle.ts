/** Bundles source files as `npm run build` does, so that benches and tests run the code that is published. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import type { BuildOptions, Plugin } from "esbuild";
import { toOneByte } from "../build/one-byte.js";

/**
 * Returns the text of an ES module that contains `source`, a file or the text of a module, and all it imports.
 * With `checkout`, the folder of another checkout of this repository, the packages (@pb/…) are taken from there.
 */
export async function bundle(
  source: URL | string,
  { checkout, ...options }: BuildOptions & { checkout?: string | undefined } = {},
): Promise<Uint8Array> {
  const resolveDir = fileURLToPath(new URL(".", import.meta.url));
  const { outputFiles } = await esbuild.build({
    ...(typeof source === "string"
      ? { stdin: { contents: source, resolveDir, loader: "ts" } }
      : { entryPoints: [fileURLToPath(source)] }),
    bundle: true,
    format: "esm",
    target: ["es2022", "node20.19"],
    platform: "neutral",
    conditions: ["@pb/source"],
    plugins: checkout === undefined ? [] : [packagesOf(checkout)],
    ...options,
    write: false,
  });
  return new TextEncoder().encode(toOneByte(outputFiles[0]!.text));
}

/** Writes the bundle into the folder of the benches, where Node finds the other libraries. Returns the file's name. */
export async function bundleFile(name: string, ...args: Parameters<typeof bundle>): Promise<string> {
  const folder = fileURLToPath(new URL("node_modules/.programs/", import.meta.url));
  const file = `${folder}${name.replace(/\W+/g, "-")}.mjs`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, await bundle(...args));
  return file;
}

/** Resolves @pb/… in another checkout, in which `npm run pnpm -- install` has run. */
function packagesOf(checkout: string): Plugin {
  const resolved = Symbol("resolved");
  return {
    name: "packages of another checkout",
    setup(build) {
      build.onResolve({ filter: /^@pb\// }, ({ path, kind, pluginData, resolveDir }) =>
        pluginData === resolved || resolveDir.startsWith(resolve(checkout))
          ? undefined
          : build.resolve(path, { kind, resolveDir: join(checkout, "tools"), pluginData: resolved }),
      );
    },
  };
}
