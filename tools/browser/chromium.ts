// Finds or installs Chromium, and opens a page in it.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Program } from "../process/program.js";

/** The command of Chromium. In CI, it is installed from Debian's packages. Undefined if there is none. */
export function findChromium(): string | undefined {
  const isThere = (): boolean => spawnSync("chromium", ["--version"]).status === 0;
  if (!isThere() && process.env.CI === "true") {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    for (const args of [["update"], ["install", "--yes", "--no-install-recommends", "chromium"]])
      spawnSync("apt-get", args, { env, stdio: "ignore" });
  }
  return isThere() ? "chromium" : undefined;
}

/** Opens a page without a window. Dispose of the result to close the browser. */
export function openPage(chromium: string, url: string): AsyncDisposable & { readonly program: Program } {
  const profile = mkdtempSync(join(tmpdir(), "pb-chromium-"));
  const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage"];
  const program = new Program("chromium", [chromium, ...flags, `--user-data-dir=${profile}`, url]);
  return {
    program,
    async [Symbol.asyncDispose]() {
      await program[Symbol.asyncDispose]();
      rmSync(profile, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}
