/**
 * Runs a task of this repository: node tools/run.mjs <task> [arguments].
 * Needs nothing but Node and npm: what is missing is installed first, with its talk on stderr only,
 * so that a task's stdout is its own.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** Each task is a list of commands, run in order until one fails. The caller's arguments go to the last. */
const tasks = {
  test: () => [tool("vitest/vitest.mjs", "run")],
  demo: () => [program("tools/demo/main.ts")],
  interop: () => [program("tools/interop/main.ts")],
  bench: () => [program("tools/bench/main.ts")],
  profile: () => [program("tools/bench/main.ts", "--profile")],
  checks: () => [program("tools/checks/main.ts")],
  real: () => [program("tools/real/main.ts")],
  checklist: () => [program("tools/checklist/main.ts")],
  matrix: () => [program("tools/matrix/main.ts")],
  engines: () => [program("tools/engines/main.ts")],
  trace: () => [program("tools/trace/main.ts")],
  twisted: () => [program("tools/twisted/main.ts")],
  types: () => [...packageFolders(), "."].map((folder) => tool("typescript/bin/tsc", "-p", folder)),
  lint: () => [tool("eslint/bin/eslint.js", "--max-warnings=0", ".")],
  format: () => [tool("prettier/bin/prettier.cjs", "--log-level=warn", "--write", ".")],
  "format:check": () => [tool("prettier/bin/prettier.cjs", "--check", ".")],
  build: () => [pnpm("--recursive", "--filter=./packages/*", "run", "build")],
  changeset: () => [tool("@changesets/cli/bin.js")],
  pnpm: () => [pnpm()],
  install: () => [],
};

await main(process.argv[2], process.argv.slice(3));

async function main(task, extra) {
  if (!nodeIsNewEnough()) {
    fail(`@pb needs Node ${manifest.engines.node}; this is ${process.versions.node}.`);
  }
  if (task === undefined || !Object.hasOwn(tasks, task)) {
    fail(`Usage: node tools/run.mjs <task> [arguments]; tasks: ${Object.keys(tasks).join(", ")}.`);
  }
  process.chdir(root);

  // `npm run --silent` is meant for npm itself: what the commands say, above all why they fail, is wanted.
  delete process.env.npm_config_loglevel;
  if (task !== "pnpm") {
    await installWhatIsMissing();
  }
  const commands = tasks[task]();
  for (const [index, command] of commands.entries()) {
    const isLast = index === commands.length - 1;
    const status = await run(isLast ? [...command, ...extra] : command, "inherit");
    if (status !== 0) process.exit(status);
  }
}

function nodeIsNewEnough() {
  const [wantedMajor, wantedMinor] = manifest.engines.node.match(/\d+/g).map(Number);
  const [major, minor] = process.versions.node.split(".").map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

/** Installs when there is no node_modules, or when the lockfile is not the one it was installed from. */
async function installWhatIsMissing() {
  const stamp = join(root, "node_modules", ".pb-lockfile");
  const lockfile = createHash("sha256").update(readFileSync("pnpm-lock.yaml")).digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lockfile) return;

  process.stderr.write("Installing what this repository needs (once) …\n");
  const status = await run(pnpm("install", "--frozen-lockfile", "--prefer-offline"), ["ignore", 2, 2]);
  if (status !== 0) fail("The installation failed; its reason stands above.", status);
  writeFileSync(stamp, lockfile);
}

function packageFolders() {
  return readdirSync("packages")
    .map((name) => `packages/${name}`)
    .filter((folder) => existsSync(join(folder, "tsconfig.json")) && existsSync(join(folder, "src")));
}

function pnpm(...args) {
  return [process.platform === "win32" ? "npx.cmd" : "npx", "--yes", manifest.packageManager, ...args];
}

function tool(script, ...args) {
  return [process.execPath, `node_modules/${script}`, ...args];
}

function program(path, ...args) {
  return [process.execPath, "--import", "tsx", "--conditions=@pb/source", path, ...args];
}

/**
 * Resolves to the exit status. A signal sent to us goes on to the command.
 * npm passes a signal to its shell only, which dies without a word to us: then we are without a parent, and stop too.
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

function fail(sentence, status = 1) {
  process.stderr.write(`${sentence}\n`);
  process.exit(status);
}
