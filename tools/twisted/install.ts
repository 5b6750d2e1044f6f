// Installs Twisted: into a virtual environment below node_modules, or with Debian's apt.

import { spawnSync } from "node:child_process";
import type { SpawnSyncOptions } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const cache = fileURLToPath(new URL("../../node_modules/.cache/pb-twisted/", import.meta.url));
const environment = "twisted-26.4-websocket";
const executable = process.platform === "win32" ? "Scripts/python.exe" : "bin/python";

/** Timeouts only end an installation that hangs. */
const TIMEOUT_MS = 15 * 60_000;

/** The Python of the virtual environment with Twisted 26.4, if it exists. */
export function environmentPython(): string | undefined {
  return existsSync(join(cache, environment)) ? join(cache, environment, executable) : undefined;
}

/** Creates the virtual environment with Twisted 26.4 and returns its Python, or undefined when that fails. */
export function makeEnvironment(): string | undefined {
  return makePython(environment, ["twisted[websocket]==26.4.*"]);
}

/**
 * Creates a virtual environment with some packages, if it does not exist, and returns its Python, or undefined when
 * that fails. The name of a changed list of packages must be another one.
 */
export function makePython(name: string, packages: readonly string[]): string | undefined {
  const pip = "-m pip install --retries 1 --disable-pip-version-check --no-input".split(" ");
  const make = (folder: string) => (python: string) =>
    succeeds(python, ["-m", "venv", "--clear", folder]) && succeeds(join(folder, executable), [...pip, ...packages]);
  const folder = join(cache, name);
  const isMade = makeOnce(folder, (unfinished) => {
    console.error(`Installing ${packages.join(", ")} into a virtual environment (once) …`);
    return ["python3", "/usr/bin/python3"].some(make(unfinished));
  });
  return isMade ? join(folder, executable) : undefined;
}

/**
 * Makes a folder if it does not exist. It is made under another name and then renamed, so that processes that do this
 * at the same time never see half of one. Returns false when `make` fails.
 */
export function makeOnce(folder: string, make: (folder: string) => boolean): boolean {
  if (existsSync(folder)) return true;
  mkdirSync(dirname(folder), { recursive: true });
  const unfinished = mkdtempSync(`${folder}-`);
  try {
    if (make(unfinished)) renameSync(unfinished, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error; // Otherwise another process was faster.
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return existsSync(folder);
}

/** Installs Debian packages. Needs root. Returns false when that fails. */
export function aptInstall(packages: readonly string[]): boolean {
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) return false;
  console.error(`Installing Debian's ${packages.join(", ")} …`);
  mkdirSync(cache, { recursive: true });
  const apt = "apt-get -o DPkg::Lock::Timeout=600 -o Acquire::http::Timeout=60";
  const command = `${apt} update && ${apt} install -y --no-install-recommends ${packages.join(" ")}`;
  // flock: `apt-get update` fails when another process updates at the same time.
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  return succeeds("flock", [join(cache, "apt-lock"), "sh", "-c", command], { env });
}

/** Runs a program and waits until it exits. Prints the end of its output when it fails. */
export function succeeds(command: string, args: string[], options: SpawnSyncOptions = {}): boolean {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    timeout: TIMEOUT_MS,
    ...options,
    encoding: "utf8",
  });
  if (status === 0) return true;
  const reason = error?.message ?? (stdout + stderr).trim().split("\n").slice(-5).join("\n");
  console.error(`${command} ${args.join(" ")} failed: ${reason}`);
  return false;
}
