// Programs that npm brings: other versions of Node, other engines.

import { spawnSync } from "node:child_process";

/** The lines that a shell command prints which finds the programs of a package on its path; undefined where npm cannot bring it, or it fails. */
export function linesFromNpm(specifier: string, command: string): string[] | undefined {
  const args = ["--yes", "-p", specifier, "-c", command];
  const { status, stdout } = spawnSync("npx", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  return status === 0 ? stdout.trim().split("\n") : undefined;
}
