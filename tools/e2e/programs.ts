// The example programs as plain JavaScript: they start in a moment, and as often as the tests want.

import { build } from "esbuild";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const source = fileURLToPath(new URL("../../packages/examples/src/", import.meta.url));
const cache = fileURLToPath(new URL("../../node_modules/.cache/", import.meta.url));

/** Built programs. Disposed of, they are gone. */
export class Programs implements Disposable {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Builds all of them, from the sources as they are now. */
  static async build(): Promise<Programs> {
    const folder = mkdtempSync(join(cache, "pb-programs-"));
    const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".ts"));
    await build({
      entryPoints: files.map((path) => join(source, path)),
      outdir: folder,
      outbase: source,
      bundle: true,
      splitting: true,
      format: "esm",
      platform: "node",
      target: "node20",
      conditions: ["@pb/source"],
      logLevel: "error",
      // In .mjs files, wherever they lie.
      outExtension: { ".js": ".mjs" },
    });
    return new Programs(folder);
  }

  /** The file of a program: `path("howto/pb1server")`. */
  path(name: string): string {
    return join(this.#folder, `${name}.mjs`);
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
