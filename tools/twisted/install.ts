// Installs Twisted: into a virtual environment below node_modules, or with Debian's apt.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const cache = fileURLToPath(new URL("../../node_modules/.cache/pb-twisted/", import.meta.url));
const environment = join(cache, "twisted-26.4");
const executable = process.platform === "win32" ? "Scripts/python.exe" : "bin/python";

/** Timeouts only end an installation that hangs. */
const TIMEOUT_MS = 15 * 60_000;

/** The Python of the virtual environment, if it exists. */
export function environmentPython(): string | undefined {
  return existsSync(environment) ? join(environment, executable) : undefined;
}

/**
 * Creates the virtual environment with Twisted 26.4 and returns its Python, or undefined when that fails. The
 * environment is made under another name and then renamed, so processes that do this at the same time never see half
 * of one.
 */
export function makeEnvironment(): string | undefined {
  console.error("Installing Twisted 26.4 into a virtual environment (once) …");
  mkdirSync(cache, { recursive: true });
  const pip = "-m pip install --retries 1 --disable-pip-version-check --no-input twisted==26.4.*".split(" ");
  for (const python of ["python3", "/usr/bin/python3"]) {
    const folder = mkdtempSync(join(cache, "new-"));
    if (succeeds(python, ["-m", "venv", folder]) && succeeds(join(folder, executable), pip)) {
      try {
        renameSync(folder, environment);
      } catch {
        rmSync(folder, { recursive: true, force: true }); // Another process was faster.
      }
      return environmentPython();
    }
    rmSync(folder, { recursive: true, force: true });
  }
  return undefined;
}

/** Installs Debian's Twisted for /usr/bin/python3. Needs root. */
export function aptTwisted(): string | undefined {
  return aptInstall(["python3-twisted"]) ? "/usr/bin/python3" : undefined;
}

/** Installs Debian packages. Needs root. Returns false when that fails. */
export function aptInstall(packages: readonly string[]): boolean {
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) return false;
  console.error(`Installing Debian's ${packages.join(", ")} …`);
  mkdirSync(cache, { recursive: true });
  const apt = "apt-get -o DPkg::Lock::Timeout=600 -o Acquire::http::Timeout=60";
  const command = `${apt} update && ${apt} install -y --no-install-recommends ${packages.join(" ")}`;
  // flock: `apt-get update` fails when another process updates at the same time.
  return succeeds("flock", [join(cache, "apt-lock"), "sh", "-c", command], { DEBIAN_FRONTEND: "noninteractive" });
}

function succeeds(command: string, args: string[], env: NodeJS.ProcessEnv = {}): boolean {
  const options = { encoding: "utf8", env: { ...process.env, ...env }, timeout: TIMEOUT_MS } as const;
  const { status, stdout, stderr, error } = spawnSync(command, args, options);
  if (status === 0) return true;
  const reason = error?.message ?? (stdout + stderr).trim().split("\n").slice(-5).join("\n");
  console.error(`${command} ${args.join(" ")} failed: ${reason}`);
  return false;
}
