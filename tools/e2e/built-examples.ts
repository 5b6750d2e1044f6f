// Bundles the example programs to plain JavaScript, so that they start fast.

import { build } from "esbuild";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "../process/program.js";

const source = fileURLToPath(new URL("../../packages/examples/src/", import.meta.url));

/** The bundles are in a folder of their own, which is deleted when this object is disposed. */
export class BuiltExamples implements Disposable {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Bundles every example from its sources. */
  static async build(): Promise<BuiltExamples> {
    const folder = mkdtempSync(join(tmpdir(), "pb-examples-"));
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
      outExtension: { ".js": ".mjs" }, // Node loads .mjs as a module without a package.json.
    });
    return new BuiltExamples(folder);
  }

  /** The command that runs an example: `command("howto/pb1server", "8800")`. */
  command(name: string, ...args: string[]): Command {
    return [process.execPath, join(this.#folder, `${name}.mjs`), ...args];
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
