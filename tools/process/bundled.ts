// Bundles programs of this repository. A bundle starts in a tenth of the processor time that tsx takes for the sources.

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { buildSync } from "esbuild";

const root = fileURLToPath(new URL("../../", import.meta.url));
const cache = join(root, "node_modules/.cache/pb-programs");

interface Bundle {
  /** Undefined for a program that looks for files beside its sources, which a bundle would not find. */
  readonly path?: string;
  /** The sources, with their sizes and times. */
  readonly inputs: Readonly<Record<string, string>>;
}

/**
 * Returns the path of a bundle of a TypeScript program. It is made again when a source has changed. Undefined for a
 * program that cannot be bundled.
 */
export function bundled(program: string): string | undefined {
  const source = resolve(root, program);
  const hash = createHash("sha256").update(source).digest("hex").slice(0, 16);
  // A program in a temporary folder is deleted together with its bundle.
  const name = source.includes("node_modules") ? source : join(cache, hash);
  return (currentBundle(`${name}.json`) ?? makeBundle(source, name)).path;
}

function currentBundle(file: string): Bundle | undefined {
  try {
    const bundle = JSON.parse(readFileSync(file, "utf8")) as Bundle;
    return Object.entries(bundle.inputs).every(([path, stamp]) => stampOf(path) === stamp) ? bundle : undefined;
  } catch {
    return undefined; // There is none, or a source was deleted.
  }
}

function makeBundle(source: string, name: string): Bundle {
  const { outputFiles, metafile } = buildSync({
    entryPoints: [source],
    absWorkingDir: root,
    outfile: `${name}.mjs`,
    bundle: true,
    write: false,
    metafile: true,
    platform: "node",
    target: `node${process.versions.node.split("-")[0]!}`,
    format: "esm",
    conditions: ["@pb/source"],
    keepNames: true,
    sourcemap: "inline",
    // A program parses its source map when it starts: it is half as large without the sources.
    sourcesContent: false,
    // For packages from npm that are not ES modules.
    banner: {
      js:
        'import { createRequire as requireOf } from "node:module"; ' +
        `const require = requireOf(${JSON.stringify(pathToFileURL(source).href)});`,
    },
    logLevel: "silent",
  });
  const inputs = Object.fromEntries(Object.keys(metafile.inputs).map((path) => [path, stampOf(path)]));
  const { text } = outputFiles[0]!;
  const bundle: Bundle = /\bimport\.meta\b/.test(text) ? { inputs } : { path: `${name}.mjs`, inputs };
  mkdirSync(dirname(name), { recursive: true });
  replace(`${name}.mjs`, text);
  replace(`${name}.json`, JSON.stringify(bundle));
  return bundle;
}

function stampOf(path: string): string {
  const { size, mtimeMs } = statSync(resolve(root, path));
  return `${size} ${mtimeMs}`;
}

/** Other test processes may write or read the same file. */
function replace(file: string, text: string): void {
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, text);
  renameSync(temporary, file);
}
