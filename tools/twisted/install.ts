/** Puts Twisted onto this machine: into a virtual environment below node_modules, or with Debian's apt. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { withLock } from "./lock.js";

const cache = fileURLToPath(new URL("../../node_modules/.cache/pb-twisted/", import.meta.url));
const environment = join(cache, "twisted-26.4");
const python =
  process.platform === "win32" ? join(environment, "Scripts", "python.exe") : join(environment, "bin", "python");

/** Written last, so that nobody uses an environment that is still being filled. */
const readyMark = join(environment, "ready");

/** The interpreter of the virtual environment, if it was made completely. */
export function environmentPython(): string | undefined {
  return existsSync(readyMark) ? python : undefined;
}

/** Gives back the interpreter, or undefined when it cannot be made. Safe when two processes ask at once. */
export function makeEnvironment(): string | undefined {
  mkdirSync(cache, { recursive: true });
  return withLock(join(cache, "lock"), () => {
    if (existsSync(readyMark)) return python;
    say("Installing Twisted 26.4 into a virtual environment (once) …");
    for (const maker of ["python3", "/usr/bin/python3"]) {
      rmSync(environment, { recursive: true, force: true });
      if (!succeeds(maker, ["-m", "venv", environment], 120_000)) continue;
      const pip = ["-m", "pip", "install", "--retries", "0", "--disable-pip-version-check", "--no-input"];
      if (!succeeds(python, [...pip, "twisted==26.4.*"], 240_000)) continue;
      writeFileSync(readyMark, "");
      return python;
    }
    return undefined;
  });
}

/** Debian's own Twisted, for /usr/bin/python3. Only root can. */
export function aptTwisted(): string | undefined {
  return aptInstall(["python3-twisted"]) ? "/usr/bin/python3" : undefined;
}

/** Installs packages of Debian. Only root can. */
export function aptInstall(packages: readonly string[]): boolean {
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) return false;
  mkdirSync(cache, { recursive: true });
  return withLock(join(cache, "lock"), () => {
    say(`Installing Debian's ${packages.join(", ")} …`);
    const wait = ["-o", "DPkg::Lock::Timeout=120", "-o", "Acquire::http::Timeout=60"];
    const install = [...wait, "install", "-y", "--no-install-recommends", ...packages];
    return (
      succeeds("apt-get", [...wait, "update"], 180_000, { DEBIAN_FRONTEND: "noninteractive" }) &&
      succeeds("apt-get", install, 300_000, { DEBIAN_FRONTEND: "noninteractive" })
    );
  });
}

function succeeds(command: string, args: string[], timeout: number, env: NodeJS.ProcessEnv = {}): boolean {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
    timeout,
  });
  if (status === 0) return true;
  const reason = error?.message ?? (stdout + stderr).trim().split("\n").slice(-5).join("\n");
  say(`${command} ${args.join(" ")} fails: ${reason}`);
  return false;
}

function say(sentence: string): void {
  process.stderr.write(`${sentence}\n`);
}
