/** Reads the packages of this repository: their folders, manifests and entry points. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

export interface Manifest {
  name: string;
  version: string;
  private?: boolean;
  exports?: Record<string, Record<string, string>>;
  dependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
}

export interface Package {
  /** The folder's name below packages/, for example "banana". */
  folder: string;
  manifest: Manifest;
}

export function readPackages(root: string): Package[] {
  return readdirSync(join(root, "packages"))
    .filter((folder) => existsSync(join(root, "packages", folder, "package.json")))
    .map((folder) => ({ folder, text: readFileSync(join(root, "packages", folder, "package.json"), "utf8") }))
    .map(({ folder, text }) => ({ folder, manifest: JSON.parse(text) as Manifest }));
}

/** The packages that are published. */
export function publicPackages(root: string): Package[] {
  return readPackages(root).filter(({ manifest }) => manifest.private !== true);
}

/** Every specifier a program can import: "@pb/broker", "@pb/broker/testing". */
export function entryPoints({ manifest }: Package): string[] {
  return Object.keys(manifest.exports ?? {}).map((name) => manifest.name + name.slice(1));
}
