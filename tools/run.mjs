/**
 * Runs a task of this repository: node tools/run.mjs <task> [arguments]. Needs only Node and npm: it installs missing
 * dependencies first, and prints about that on stderr, so that stdout contains only the output of the task.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** The tasks that run tools/TASK/main.ts. */
const programs = [
  "demo",
  "interop",
  "bench",
  "checks",
  "checklist",
  "matrix",
  "engines",
  "trace",
  "twisted",
  "hostile",
  "faults",
  "release",
  "consumers",
  "mutants",
];

/** The commands of each task. They run in order until one fails; the last one gets the arguments. */
const tasks = {
  ...Object.fromEntries(programs.map((name) => [name, () => [program(name)]])),
  test() {
    process.env.PB_WHOLE_SUITE = "true"; // see vitest.config.ts
    return [tool("vitest/vitest.mjs", "run")];
  },
  profile: () => [program("bench", "--profile")],
  browsers: () => [program("browser")],
  real() {
    process.env.PB_REAL = "true"; // runs all builds of Buildbot
    return [tool("vitest/vitest.mjs", "run", "--dir=tools/e2e", "--reporter=verbose", "--typecheck.enabled=false")];
  },
  docs: () => [source("packages/docs/build/main.ts")],
  types: () => [...packageFolders(), "."].map((folder) => tool("typescript/bin/tsc", "-p", folder)),
  lint: () => [tool("eslint/bin/eslint.js", "--max-warnings=0", ".")],
  format: () => [tool("prettier/bin/prettier.cjs", "--log-level=warn", "--write", ".")],
  "format:check": () => [tool("prettier/bin/prettier.cjs", "--check", ".")],
  build: () => [pnpm("--recursive", "--filter=./packages/*", "run", "build")],
  // `changeset publish` looks for pnpm on the path.
  changeset: () => [npx(`--package=${manifest.packageManager}`, "--", "node", "node_modules/@changesets/cli/bin.js")],
  pnpm: () => [pnpm()],
  install: () => [],
};

await main(process.argv[2], process.argv.slice(3));

async function main(task, extra) {
  const wantedNode = manifest.engines.node.replace(">=", "");
  if (process.versions.node.localeCompare(wantedNode, undefined, { numeric: true }) < 0) {
    fail(`@pb needs Node ${manifest.engines.node}; this is ${process.versions.node}.`);
  }
  if (task === undefined || !Object.hasOwn(tasks, task)) {
    fail(`Usage: node tools/run.mjs <task> [arguments]; tasks: ${Object.keys(tasks).join(", ")}.`);
  }
  process.chdir(root);

  // `npm run --silent` silences npm itself. Commands that run npm again must still print their errors.
  delete process.env.npm_config_loglevel;
  if (task !== "pnpm") {
    await installDependencies();
  }
  const commands = tasks[task]();
  for (const [index, command] of commands.entries()) {
    const isLast = index === commands.length - 1;
    const status = await run(isLast ? [...command, ...extra] : command, "inherit");
    if (status !== 0) process.exit(status);
  }
}

/** Installs when node_modules is missing or was installed from another lockfile. */
async function installDependencies() {
  const stamp = join(root, "node_modules", ".pb-lockfile");
  const lockfile = createHash("sha256").update(readFileSync("pnpm-lock.yaml")).digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lockfile) return;

  process.stderr.write("Installing the dependencies of this repository (once) …\n");
  const status = await run(pnpm("install", "--frozen-lockfile", "--prefer-offline"), ["ignore", 2, 2]);
  if (status !== 0) fail("The installation failed: see above.", status);
  writeFileSync(stamp, lockfile);
}

function packageFolders() {
  return readdirSync("packages")
    .map((name) => `packages/${name}`)
    .filter((folder) => existsSync(join(folder, "tsconfig.json")) && existsSync(join(folder, "src")));
}

function pnpm(...args) {
  return npx(manifest.packageManager, ...args);
}

function npx(...args) {
  return [process.platform === "win32" ? "npx.cmd" : "npx", "--yes", ...args];
}

function tool(script, ...args) {
  return [process.execPath, `node_modules/${script}`, ...args];
}

function program(name, ...args) {
  return source(`tools/${name}/main.ts`, ...args);
}

function source(file, ...args) {
  return [process.execPath, "--import", "tsx", "--conditions=@pb/source", file, ...args];
}

/**
 * Resolves to the exit status. Signals are forwarded to the command. npm sends a signal only to its shell, which exits
 * without forwarding it: when the parent process changes, the command is stopped, too.
 */
function run([command, ...args], stdio) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio, shell: command.endsWith(".cmd") });
    const forward = (signal) => child.kill(signal);
    const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
    for (const signal of signals) process.on(signal, forward);
    const parent = process.ppid;
    const watch = setInterval(() => {
      if (process.env.npm_lifecycle_event !== undefined && process.ppid !== parent) forward("SIGTERM");
    }, 250);

    child.on("error", (error) => fail(`Cannot start ${command}: ${error.message}`));
    child.on("exit", (status, signal) => {
      for (const name of signals) process.off(name, forward);
      clearInterval(watch);
      resolve(status ?? 128 + constants.signals[signal]);
    });
  });
}

function fail(message, status = 1) {
  process.stderr.write(`${message}\n`);
  process.exit(status);
}
