/** What the checks know of the packages: their folders, manifests, doors and source files. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

export interface Manifest {
  name: string;
  private?: boolean;
  exports?: Record<string, Record<string, string>>;
  dependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
}

export interface Package {
  /** Relative to the root, with forward slashes: packages/banana. */
  folder: string;
  manifest: Manifest;
}

export function publicPackages(root: string): Package[] {
  return packages(root).filter(({ manifest }) => manifest.private !== true);
}

/** Every specifier that the package offers: "@pb/broker", "@pb/broker/testing". */
export function doors({ manifest }: Package): string[] {
  return Object.keys(manifest.exports ?? {}).map((door) => manifest.name + door.slice(1));
}

/** The TypeScript files below packages/<name>/src, relative to the root, in a stable order. */
export function sourceFiles(root: string, { folder }: Package): string[] {
  const source = join(root, folder, "src");
  if (!existsSync(source)) return [];
  return readdirSync(source, { recursive: true, encoding: "utf8" })
    .map((path) => `${folder}/src/${path.replaceAll("\\", "/")}`)
    .filter((path) => path.endsWith(".ts"))
    .sort();
}

function packages(root: string): Package[] {
  return readdirSync(join(root, "packages"))
    .map((name) => `packages/${name}`)
    .filter((folder) => existsSync(join(root, folder, "package.json")))
    .map((folder) => ({ folder, manifest: readManifest(join(root, folder, "package.json")) }));
}

function readManifest(path: string): Manifest {
  return JSON.parse(readFileSync(path, "utf8")) as Manifest;
}
