/** Bundles source files as `npm run build` does, so that benches and tests run the code that is published. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import * as esbuild from "esbuild";
import type { BuildOptions, Plugin } from "esbuild";

/**
 * Returns the text of an ES module that contains `source`, a file or the text of a module, and all it imports.
 * With `checkout`, the folder of another checkout of this repository, the packages (@pb/…) are taken from there.
 */
export async function bundle(
  source: URL | string,
  { checkout, ...options }: BuildOptions & { checkout?: string | undefined } = {},
): Promise<Uint8Array> {
  const input: BuildOptions =
    typeof source === "string"
      ? { stdin: { contents: source, resolveDir: fileURLToPath(new URL(".", import.meta.url)), loader: "ts" } }
      : { entryPoints: [fileURLToPath(source)] };
  const { outputFiles } = await esbuild.build({
    ...input,
    bundle: true,
    format: "esm",
    target: ["es2022", "node20.19"],
    platform: "neutral",
    conditions: ["@pb/source"],
    plugins: checkout === undefined ? [] : [packagesOf(checkout)],
    ...options,
    write: false,
  });
  return outputFiles[0]!.contents;
}

/** Bundles a file and imports the result. */
export async function importBundle<Module>(file: URL, checkout?: string): Promise<Module> {
  const folder = mkdtempSync(join(tmpdir(), "pb-bench-"));
  try {
    const output = join(folder, "bundle.mjs");
    writeFileSync(output, await bundle(file, { checkout }));
    return (await import(pathToFileURL(output).href)) as Module;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Resolves @pb/… in another checkout, in which `npm run pnpm -- install` has run. */
function packagesOf(checkout: string): Plugin {
  const resolved = Symbol("resolved");
  return {
    name: "packages of another checkout",
    setup(build) {
      build.onResolve({ filter: /^@pb\// }, ({ path, kind, pluginData }) =>
        pluginData === resolved
          ? undefined
          : build.resolve(path, { kind, resolveDir: join(checkout, "tools"), pluginData: resolved }),
      );
    },
  };
}
