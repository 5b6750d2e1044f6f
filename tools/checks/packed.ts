/**
 * Checks the packages as their users get them: packs each one, judges the tarballs with publint and attw, installs them
 * into an empty project, imports every entry point with plain Node and compiles one program for browsers and one for
 * Node.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { entryPoints, publicPackages } from "./workspace.js";
import type { Manifest, Package } from "./workspace.js";

export function packed(root: string): string[] {
  const project = mkdtempSync(join(tmpdir(), "pb-packed-"));
  const node = (...args: string[]): string[] => run(process.execPath, args, project);
  const publint = join(root, "tools/node_modules/publint/src/cli.js");
  const attw = join(root, "tools/node_modules/@arethetypeswrong/cli/dist/index.js");
  try {
    const packages = publicPackages(root);
    const tarballs = pack(root, packages, join(project, "tarballs"));
    installTarballs(project, tarballs);
    return [
      ...tarballs.flatMap((tarball) => node(publint, "run", tarball, "--strict")),
      ...tarballs.flatMap((tarball) => node(attw, tarball, "--profile", "esm-only", "--no-color", "--no-emoji")),
      ...packages.flatMap((pkg) => checkManifest(pkg, project)),
      ...packages.flatMap(entryPoints).flatMap((entry) => node("--input-type=module", "--eval", importScript(entry))),
      ...compilePrograms(root, project, packages).flatMap((config) =>
        node(join(root, "node_modules/typescript/bin/tsc"), "-p", config),
      ),
    ];
  } finally {
    rmSync(project, { recursive: true });
  }
}

/** Runs a program. Returns nothing when it succeeds, and what it was and printed as one problem when it fails. */
function run(command: string, args: string[], cwd: string): string[] {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    shell: command.endsWith(".cmd"),
    timeout: 300_000,
  });
  if (error !== undefined) throw error;
  return status === 0 ? [] : [`${[command, ...args].join(" ")} fails:\n${stdout}${stderr}`];
}

function mustRun(command: string, args: string[], cwd: string): void {
  const [problem] = run(command, args, cwd);
  if (problem !== undefined) throw new Error(problem);
}

/** Builds and packs every package. Returns the paths of the tarballs. */
function pack(root: string, packages: Package[], folder: string): string[] {
  mkdirSync(folder);
  const task = join(root, "tools/run.mjs");
  mustRun(process.execPath, [task, "build"], root);
  for (const pkg of packages) {
    const args = ["--dir", `packages/${pkg.folder}`, "pack", "--pack-destination", folder];
    mustRun(process.execPath, [task, "pnpm", ...args], root);
  }
  return readdirSync(folder).map((name) => join(folder, name));
}

/** Installs the tarballs into an empty project. Only what they depend on comes from the registry. */
function installTarballs(project: string, tarballs: string[]): void {
  writeFileSync(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  mustRun(npm, ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", ...tarballs], project);
}

function checkManifest(pkg: Package, project: string): string[] {
  const text = readFileSync(join(project, "node_modules", pkg.manifest.name, "package.json"), "utf8");
  const { name, dependencies } = JSON.parse(text) as Manifest;
  const problems = ["workspace:", "catalog:", "@pb/source", "/src/"]
    .filter((word) => text.includes(word))
    .map((word) => `${name}: its published package.json contains "${word}".`);
  if (name === "@pb/banana" && dependencies !== undefined) {
    problems.push(`${name}: must not have dependencies, but has ${Object.keys(dependencies).join(", ")}.`);
  }
  return problems;
}

/**
 * A program that imports the entry point, requires it from CommonJS (Node does so since 20.19), and checks that each
 * exported class and function has the name it is exported by, which logs and errors show.
 */
function importScript(entry: string): string {
  return `
    import { createRequire } from "node:module";
    createRequire(process.cwd() + "/")("${entry}");
    for (const [name, value] of Object.entries(await import("${entry}")))
      if (typeof value === "function" && value.name !== name) throw new Error(name + " has the name " + value.name);`;
}

/**
 * Writes a program that imports every portable entry point, to be compiled without Node's types, and one that imports
 * all of them, with Node's types. Declarations are checked. Returns the paths of the tsconfig files.
 */
function compilePrograms(root: string, project: string, packages: Package[]): string[] {
  const portable = packages.filter(({ manifest }) => manifest.name !== "@pb/node-transport");
  const typeRoots = [join(root, "node_modules/@types")];
  return [
    program("browser", portable, { lib: ["ES2023", "ESNext.Disposable", "DOM"], types: [] }),
    program("node", packages, { lib: ["ES2023"], types: ["node"], typeRoots }),
  ];

  function program(name: string, imported: Package[], options: object): string {
    const imports = imported.flatMap(entryPoints).map((entry, index) => `import * as e${index} from "${entry}";`);
    const uses = imports.map((_, index) => `e${index}`).join(", ");
    writeFileSync(join(project, `${name}.ts`), `${imports.join("\n")}\nexport const entries: object[] = [${uses}];\n`);
    const compilerOptions = { target: "ES2022", module: "NodeNext", strict: true, noEmit: true, ...options };
    const config = join(project, `tsconfig.${name}.json`);
    writeFileSync(config, JSON.stringify({ compilerOptions, files: [`${name}.ts`] }));
    return config;
  }
}
