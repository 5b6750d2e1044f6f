// Chromium for tests that use its pages as people do.

import { spawnSync } from "node:child_process";
import { chromium as playwright } from "playwright-core";
import type { Browser } from "playwright-core";
import { chromiumFlags, engines, findEngine } from "./engines.js";

/** The command of Chromium. In CI, it is installed from Debian's packages. Undefined if there is none. */
export function findChromium(): string | undefined {
  if (findEngine(engines.Chromium, process.env.CI === "true") === undefined) return undefined;
  return spawnSync("which", ["chromium"], { encoding: "utf8" }).stdout.trim();
}

/** Starts a browser without a window, whose pages a test can use as people do. */
export function launch(chromium: string): Promise<Browser> {
  return playwright.launch({ executablePath: chromium, args: [...chromiumFlags], timeout: 120_000 });
}
