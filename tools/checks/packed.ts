/**
 * What a user of the packages gets: packs each one as it would be published, judges the tarballs,
 * installs them into an empty project, imports every door with plain Node and compiles a consumer.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { output, repositoryTask } from "./command.js";
import { doors, publicPackages, type Manifest, type Package } from "./workspace.js";

export async function packed(root: string): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), "pb-packed-"));
  try {
    const packages = publicPackages(root);
    repositoryTask(root, "build");
    const tarballs = packages.map((pkg) => pack(root, pkg, join(folder, "tarballs")));

    const findings: string[] = [];
    for (const tarball of tarballs) {
      findings.push(...(await judge(root, tarball)));
    }
    const project = install(join(folder, "project"), tarballs);
    for (const pkg of packages) {
      findings.push(...checkManifest(pkg, project));
    }
    findings.push(...importDoors(project, packages));
    findings.push(...compareNames(project, packages));
    findings.push(...compileConsumers(root, project, packages));
    return findings;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function pack(root: string, { folder }: Package, destination: string): string {
  mkdirSync(destination, { recursive: true });
  const printed = repositoryTask(root, "pnpm", "--dir", folder, "pack", "--json", "--pack-destination", destination);
  const { filename } = JSON.parse(printed.slice(printed.indexOf("{"))) as { filename: string };
  return join(destination, basename(filename));
}

/** publint reads the manifest, "are the types wrong" the declarations. */
async function judge(root: string, tarball: string): Promise<string[]> {
  const bytes = readFileSync(tarball);
  const { messages, pkg } = await publint({
    pack: { tarball: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) },
    strict: true,
    level: "warning",
  });
  const said = messages.map((message) => formatMessage(message, pkg, { color: false }) ?? message.code);
  const attw = output(process.execPath, [
    join(root, "tools/node_modules/@arethetypeswrong/cli/dist/index.js"),
    ...[tarball, "--profile", "esm-only", "--no-color", "--no-emoji"],
  ]);
  return [
    ...said.map((line) => `${basename(tarball)}: publint: ${line}`),
    ...(attw.ok ? [] : [`${basename(tarball)}: are the types wrong:\n${attw.text}`]),
  ];
}

/** An empty project that has the packages as their users have them. Only what they depend on comes from the registry. */
function install(project: string, tarballs: string[]): string {
  mkdirSync(project, { recursive: true });
  writeFileSync(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"];
  const { ok, text } = output(npm, ["install", ...flags, ...tarballs], { cwd: project });
  if (!ok) throw new Error(`npm cannot install the tarballs:\n${text}`);
  return project;
}

function checkManifest(pkg: Package, project: string): string[] {
  const text = readFileSync(join(project, "node_modules", pkg.manifest.name, "package.json"), "utf8");
  const inside = ["workspace:", "catalog:", "@pb/source", "/src/"].filter((word) => text.includes(word));
  const { name, dependencies } = JSON.parse(text) as Manifest;
  const findings = inside.map((word) => `${name}: its published package.json still says "${word}".`);
  if (name === "@pb/banana" && dependencies !== undefined) {
    findings.push(`${name}: promises to come alone, but depends on ${Object.keys(dependencies).join(", ")}.`);
  }
  return findings;
}

function importDoors(project: string, packages: Package[]): string[] {
  return packages.flatMap(doors).flatMap((door) => {
    const scripts = [
      `await import("${door}")`,
      `process.getBuiltinModule("module").createRequire("${project}/")("${door}")`,
    ];
    return scripts.flatMap((script) => {
      const { ok, text } = output(process.execPath, ["--input-type=module", "--eval", script], { cwd: project });
      return ok ? [] : [`${script} fails:\n${text}`];
    });
  });
}

/** A class is shown, in logs and in errors, by the name it is imported by. */
function compareNames(project: string, packages: Package[]): string[] {
  return packages.flatMap(doors).flatMap((door) => {
    const script = `
      for (const [name, value] of Object.entries(await import("${door}")))
        if (typeof value === "function" && value.name !== name) console.log(name + " calls itself " + value.name);`;
    const { stdout } = output(process.execPath, ["--input-type=module", "--eval", script], { cwd: project });
    return stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => `${door}: ${line}.`);
  });
}

/** One consumer in a browser, without Node's types, and one in Node. Declarations are checked, not skipped. */
function compileConsumers(root: string, project: string, packages: Package[]): string[] {
  const everywhere = packages.filter(({ manifest }) => manifest.name !== "@pb/node-transport");
  return [
    ...compile(root, project, "browser", everywhere, { lib: ["ES2023", "ESNext.Disposable", "DOM"], types: [] }),
    ...compile(root, project, "node", packages, {
      lib: ["ES2023"],
      types: ["node"],
      typeRoots: [join(root, "node_modules/@types")],
    }),
  ];
}

function compile(root: string, project: string, name: string, packages: Package[], options: object): string[] {
  const imports = packages.flatMap(doors).map((door, index) => `import * as door${index} from "${door}";`);
  const uses = imports.map((_, index) => `door${index}`).join(", ");
  writeFileSync(join(project, `${name}.ts`), `${imports.join("\n")}\nexport const doors: object[] = [${uses}];\n`);
  const compilerOptions = { target: "ES2022", module: "NodeNext", strict: true, noEmit: true, ...options };
  const config = join(project, `tsconfig.${name}.json`);
  writeFileSync(config, JSON.stringify({ compilerOptions, files: [`${name}.ts`] }));
  const { ok, text } = output(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", config]);
  return ok ? [] : [`A consumer for ${name} does not compile:\n${text}`];
}
