/**
 * Who may import whom: between packages, inside a package, and from the platform.
 * The rules stand in CONTRIBUTING.md; each finding says where one is broken and what to do instead.
 */
import { readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join, posix } from "node:path";
import { circles } from "./circles.js";
import { readFacts, type FileFacts, type Import } from "./imports.js";
import { doors, publicPackages, sourceFiles, type Package } from "./workspace.js";

/** The floors of the house. A package may import those listed, and may name its platform only if it says so. */
const floors: Record<string, { below: string[]; platform?: "node" }> = {
  "@pb/banana": { below: [] },
  "@pb/jelly-types": { below: ["@pb/banana"] },
  "@pb/broker": { below: ["@pb/banana", "@pb/jelly-types"] },
  "@pb/cred": { below: ["@pb/banana", "@pb/jelly-types", "@pb/broker"] },
  "@pb/node-transport": { below: ["@pb/banana", "@pb/jelly-types", "@pb/broker"], platform: "node" },
};

export function layering(root: string): string[] {
  const packages = publicPackages(root);
  const allDoors = new Set(packages.flatMap(doors));
  return packages.flatMap((pkg) => {
    const floor = floors[pkg.manifest.name];
    if (floor === undefined) {
      return [`${pkg.folder}/package.json:1 ${pkg.manifest.name} has no floor: add it in tools/checks/layering.ts.`];
    }
    return checkPackage(root, { pkg, ...floor, allDoors });
  });
}

interface Floor {
  pkg: Package;
  below: string[];
  platform?: "node";
  allDoors: Set<string>;
}

function checkPackage(root: string, floor: Floor): string[] {
  const files = sourceFiles(root, floor.pkg);
  const facts = new Map(files.map((file) => [file, readFacts(file, readFileSync(join(root, file), "utf8"))]));
  return [
    ...[...facts].flatMap(([file, fileFacts]) => checkFile(file, fileFacts, floor, facts)),
    ...checkCircles(floor.pkg, facts),
  ];
}

function checkFile(file: string, facts: FileFacts, floor: Floor, files: Map<string, FileFacts>): string[] {
  const imports = facts.imports.map((found) => {
    const problem = found.specifier.startsWith(".")
      ? problemOfRelative(file, found, floor.pkg, files)
      : problemOfBare(found, floor);
    return problem === undefined ? undefined : `${file}:${found.line} ${problem}`;
  });
  const defaults = facts.defaultExports.map((line) => `${file}:${line} default export: export it by name.`);
  const globals = facts.platformGlobals.map(
    ({ name, line }) => `${file}:${line} names ${name}: this package runs anywhere; ${instead[name] ?? "leave it"}.`,
  );
  return [
    ...imports.filter((line) => line !== undefined),
    ...defaults,
    ...(floor.platform === undefined ? globals : []),
  ];
}

const instead: Record<string, string> = { Buffer: "use Uint8Array", process: "take what you need as an option" };

function problemOfRelative(
  file: string,
  found: Import,
  pkg: Package,
  files: Map<string, FileFacts>,
): string | undefined {
  const target = resolve(file, found.specifier, files);
  if (target === undefined) {
    const path = posix.join(posix.dirname(file), found.specifier);
    return path.startsWith(`${pkg.folder}/src/`)
      ? undefined // the compiler says it better
      : `leaves the package with "${found.specifier}": import another package by its name.`;
  }
  return entries(pkg).includes(target)
    ? `imports the package's own entry "${found.specifier}": import the file that defines the name.`
    : undefined;
}

function problemOfBare({ specifier }: Import, { pkg, below, platform, allDoors }: Floor): string | undefined {
  if (isBuiltin(specifier)) {
    if (platform === undefined) return `imports "${specifier}": this package runs anywhere; only transports see Node.`;
    return specifier.startsWith("node:") ? undefined : `imports "${specifier}": write "node:${specifier}".`;
  }
  const name = packageName(specifier);
  if (name === pkg.manifest.name) return `imports its own package by name: import the file with a relative path.`;
  if (name.startsWith("@pb/")) {
    if (!below.includes(name)) {
      return `imports ${name}, which is not below ${pkg.manifest.name}: write the need down as an interface here and let the upper package implement it.`;
    }
    if (!allDoors.has(specifier)) {
      return `imports "${specifier}", which is no door of ${name}: use what its package.json "exports" offers.`;
    }
  }
  const declared = { ...pkg.manifest.dependencies, ...pkg.manifest.peerDependencies };
  return name in declared
    ? undefined
    : `imports ${name}, which is not in "dependencies" of ${pkg.folder}/package.json.`;
}

function checkCircles(pkg: Package, facts: Map<string, FileFacts>): string[] {
  const edges = [...facts].flatMap(([from, { imports }]) =>
    imports.flatMap(({ specifier, line, isTypeOnly }) => {
      const to = specifier.startsWith(".") ? resolve(from, specifier, facts) : undefined;
      return to === undefined ? [] : [{ from, to, line, isTypeOnly }];
    }),
  );
  const ofValues = circles(edges.filter((edge) => !edge.isTypeOnly));
  const ofTypes = circles(edges).filter((circle) => circle.some((edge) => edge.isTypeOnly));
  return [...ofValues, ...ofTypes].map((circle) => {
    const [first] = circle;
    const names = [...circle.map((edge) => edge.from), first!.from];
    const path = names.map((name) => name.slice(`${pkg.folder}/src/`.length)).join(" -> ");
    const kind = circle.some((edge) => edge.isTypeOnly) ? "circle of types" : "circle";
    return `${first!.from}:${first!.line} ${kind} ${path}: move what they share into a file below them.`;
  });
}

/** The file in the same package that a relative specifier means; ".js" stands for the ".ts" it is built from. */
function resolve(from: string, specifier: string, files: Map<string, FileFacts>): string | undefined {
  const path = posix.join(posix.dirname(from), specifier).replace(/\/$/, "");
  const stem = path.replace(/\.[jt]s$/, "");
  return [`${stem}.ts`, `${path}.ts`, `${path}/index.ts`].find((candidate) => files.has(candidate));
}

function entries({ folder, manifest }: Package): string[] {
  return Object.values(manifest.exports ?? {}).flatMap((door) => {
    const source = door["@pb/source"];
    return source === undefined ? [] : [posix.join(folder, source)];
  });
}

function packageName(specifier: string): string {
  const parts = specifier.split("/");
  return parts.slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
}
