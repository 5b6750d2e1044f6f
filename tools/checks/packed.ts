/**
 * Checks the packages as their users get them: packs each one, judges the tarballs with publint and attw, installs them
 * into an empty project, imports every entry point with plain Node, compiles programs that use them with the oldest and
 * the newest TypeScript that is supported, and runs the examples.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { someConsumers, typeProblems } from "./consumer-types.js";
import { exampleProblems } from "./examples.js";
import { startTimeProblems } from "./start-time.js";
import { entryPoints, publicPackages } from "./workspace.js";
import type { Manifest, Package } from "./workspace.js";

export async function packed(root: string): Promise<string[]> {
  const project = mkdtempSync(join(tmpdir(), "pb-packed-"));
  const node = (...args: string[]): string[] => run(process.execPath, args, project);
  const publint = join(root, "tools/node_modules/publint/src/cli.js");
  const attw = join(root, "tools/node_modules/@arethetypeswrong/cli/dist/index.js");
  try {
    const packages = publicPackages(root);
    const tarballs = pack(root, project, ["tsx@4"]);
    return [
      ...tarballs.flatMap((tarball) => node(publint, "run", tarball, "--strict")),
      ...tarballs.flatMap((tarball) => node(attw, tarball, "--profile", "esm-only", "--no-color", "--no-emoji")),
      ...packages.flatMap((pkg) => checkManifest(pkg, project)),
      ...packages.flatMap(entryPoints).flatMap((entry) => node("--input-type=module", "--eval", importScript(entry))),
      ...node("--input-type=module", "--eval", TAP),
      ...startTimeProblems(join(project, "node_modules/@pb/cli/bin/pb.js"), [["--help"], ["call", "--help"]]),
      ...["oldest", "newest"].flatMap((age) =>
        someConsumers.flatMap((consumer) =>
          typeProblems(project, packages, join(root, `tools/node_modules/typescript-${age}/bin/tsc`), consumer),
        ),
      ),
      ...(await exampleProblems(root, project)),
    ];
  } finally {
    rmSync(project, { recursive: true });
  }
}

/** Starts `pb tap` from its package, and ends it when its second thread has begun. */
const TAP = `
  import { run } from "@pb/cli";
  const stop = new AbortController();
  const { stdin, stdout, env } = process;
  const stderr = { write: (text) => (text.includes("listening") ? stop.abort() : process.stderr.write(text)) };
  const args = ["tap", "--listen", "tcp:0", "--to", "tcp:127.0.0.1:1"];
  process.exitCode = await run(args, { stdin, stdout, stderr, env, signal: stop.signal });`;

/** Runs a program. Returns nothing when it succeeds, and what it was and printed as one problem when it fails. */
function run(command: string, args: string[], cwd: string): string[] {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    shell: command.endsWith(".cmd"),
    timeout: 900_000, // ends only what hangs
  });
  if (error !== undefined) throw error;
  return status === 0 ? [] : [`${[command, ...args].join(" ")} fails:\n${stdout}${stderr}`];
}

/**
 * Packs every public package, which builds it, and installs the tarballs into the empty project: only what they depend
 * on comes from the registry. Returns the paths of the tarballs.
 */
export function pack(root: string, project: string, tools: readonly string[] = []): string[] {
  const folder = join(project, "tarballs");
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const mustRun = (cwd: string, command: string, ...args: string[]): void => {
    for (const problem of run(command, args, cwd)) throw new Error(problem);
  };
  const packAll = ["pnpm", "--filter=@pb/*", "pack", "--recursive", "--pack-destination", folder];
  mustRun(root, process.execPath, join(root, "tools/run.mjs"), ...packAll);
  // Peers of @pb/jelly-types, @pb/web-transport, @pb/live, @pb/telemetry and @pb/cluster, and types for programs.
  const others = [
    "temporal-polyfill",
    "ws",
    "@opentelemetry/api@1",
    ...["transport-node", "jetstream", "kv"].map((name) => `@nats-io/${name}@3`),
    "react@19",
    "@types/react@19",
    "vue@3",
    "@types/node@20",
  ];
  const tarballs = readdirSync(folder).map((name) => join(folder, name));
  writeFileSync(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
  mustRun(
    project,
    npm,
    "install",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--prefer-offline",
    ...tarballs,
    ...others,
    ...tools,
  );
  return tarballs;
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
