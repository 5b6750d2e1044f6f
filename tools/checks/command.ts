/** Runs other programs and gives back what they printed. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

interface Output {
  ok: boolean;
  stdout: string;
  /** stdout, and after it stderr: what a person wants to see of a failure. */
  text: string;
}

export function output(command: string, args: string[], options: { cwd?: string } = {}): Output {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    ...options,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    shell: command.endsWith(".cmd"),
    maxBuffer: 64 * 1024 * 1024,
    timeout: 300_000,
  });
  if (error !== undefined) throw error;
  return { ok: status === 0, stdout, text: stdout + stderr };
}

/** What a task of tools/run.mjs prints on stdout; throws with what it printed when it fails. */
export function repositoryTask(root: string, ...args: string[]): string {
  const { ok, stdout, text } = output(process.execPath, [join(root, "tools/run.mjs"), ...args]);
  if (!ok) throw new Error(`node tools/run.mjs ${args.join(" ")} fails:\n${text}`);
  return stdout;
}
