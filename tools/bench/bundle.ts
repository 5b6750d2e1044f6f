// Benches measure what is published, not what a loader makes of the sources.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

/** Bundles a source file with everything it imports from this repository, as `npm run build` does, and imports the result. */
export async function importBuilt<Module>(file: URL): Promise<Module> {
  const folder = mkdtempSync(join(tmpdir(), "pb-bench-"));
  try {
    const output = join(folder, "bundle.mjs");
    writeFileSync(output, await bundle(file));
    return (await import(pathToFileURL(output).href)) as Module;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The text of that bundle, of a file or of a module given as text. */
export async function bundle(source: URL | string, { minify = false } = {}): Promise<Uint8Array> {
  const input =
    typeof source === "string"
      ? { stdin: { contents: source, resolveDir: fileURLToPath(new URL(".", import.meta.url)) } }
      : { entryPoints: [fileURLToPath(source)] };
  const { outputFiles } = await build({
    ...input,
    bundle: true,
    write: false,
    minify,
    format: "esm",
    target: ["es2022", "node20.19"],
    platform: "neutral",
    conditions: ["@pb/source"],
  });
  return outputFiles[0]!.contents;
}
