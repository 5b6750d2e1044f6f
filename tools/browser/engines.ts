// Installs and starts real browsers, each with an empty profile and without a window.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Program } from "../process/program.js";
import type { Command } from "../process/program.js";
import { aptInstall } from "../twisted/install.js";
import type { Site } from "./site.js";

export interface Engine {
  /** Of Debian. */
  readonly packages: readonly string[];
  readonly version: Command;
  /** The command that opens a page. */
  readonly open: (url: string, profile: string) => Command;
  /** Whether it has no mode without windows. */
  readonly needsDisplay?: boolean;
}

export const chromiumFlags: readonly string[] = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Nothing but loopback can be reached. */
const firefoxPreferences = `
user_pref("network.proxy.type", 1);
user_pref("network.proxy.http", "127.0.0.1");
user_pref("network.proxy.http_port", 1);
user_pref("network.proxy.ssl", "127.0.0.1");
user_pref("network.proxy.ssl_port", 1);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
`;

const libraries = `/usr/lib/${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu`;

export const engines = {
  Chromium: {
    packages: ["chromium"],
    version: ["chromium", "--version"],
    open: (url, profile) => ["chromium", "--headless=new", ...chromiumFlags, `--user-data-dir=${profile}`, url],
  },
  Firefox: {
    packages: ["firefox-esr"],
    version: ["firefox-esr", "--version"],
    open(url, profile) {
      writeFileSync(join(profile, "user.js"), firefoxPreferences);
      return ["firefox-esr", "--headless", "--no-remote", "--profile", profile, url];
    },
  },
  WebKit: {
    packages: ["webkit2gtk-driver", "xvfb"],
    version: ["sh", "-c", "command -v Xvfb >/dev/null && dpkg-query -W -f 'WebKitGTK ${Version}' webkit2gtk-driver"],
    open: (url) => [`${libraries}/webkit2gtk-4.1/MiniBrowser`, "--private", url],
    needsDisplay: true,
  },
} satisfies Readonly<Record<string, Engine>>;

export type EngineName = keyof typeof engines;

/** The version of an engine, which `install` installs first, as root on Debian. Undefined if there is none. */
export function findEngine({ packages, version }: Engine, install: boolean): string | undefined {
  const find = (): string | undefined => {
    const [command, ...args] = version;
    const { status, stdout } = spawnSync(command, args, { encoding: "utf8" });
    return status === 0 ? stdout.trim() : undefined;
  };
  const found = find();
  return found === undefined && install && aptInstall(packages) ? find() : found;
}

/** Opens the page of the site in a browser, and resolves when it has reported all scenarios. */
export async function runIn(name: EngineName, site: Site): Promise<void> {
  const { open, needsDisplay }: Engine = engines[name];
  const home = mkdtempSync(join(tmpdir(), "pb-browser-"));
  const env: NodeJS.ProcessEnv = { ...process.env, HOME: home };
  try {
    // A display that nobody sees. It prints its number.
    await using display = needsDisplay ? new Program("Xvfb", ["Xvfb", "-displayfd", "1"]) : undefined;
    if (display !== undefined) env.DISPLAY = `:${await display.nextLine()}`;
    await using browser = new Program(name, open(`${site.url}/page.html`, home), { env });
    const ended = browser.exit.then((exit) => Promise.reject(new Error(`${name} ended: ${exit}\n${browser.stderr}`)));
    await Promise.race([site.finished, ended]);
  } finally {
    rmSync(home, { recursive: true, force: true, maxRetries: 10 });
  }
}
