// Finds or installs Chromium, and opens a page in it.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium as playwright } from "playwright-core";
import type { Browser } from "playwright-core";
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

const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts a browser without a window, whose pages a test can use as people do. */
export function launch(chromium: string): Promise<Browser> {
  return playwright.launch({ executablePath: commandPath(chromium), args: flags, timeout: 120_000 });
}

function commandPath(command: string): string {
  return spawnSync("which", [command], { encoding: "utf8" }).stdout.trim();
}

/** Opens a page without a window. Dispose of the result to close the browser. */
export function openPage(chromium: string, url: string): AsyncDisposable & { readonly program: Program } {
  const profile = mkdtempSync(join(tmpdir(), "pb-chromium-"));
  const program = new Program("chromium", [chromium, "--headless=new", ...flags, `--user-data-dir=${profile}`, url]);
  return {
    program,
    async [Symbol.asyncDispose]() {
      await program[Symbol.asyncDispose]();
      rmSync(profile, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}
