// Finds Python interpreters that have Twisted, the reference implementation, and installs Twisted if there is none.

import { spawnSync } from "node:child_process";
import type { TestProject } from "vitest/node";
import { aptInstall, environmentPython, makeEnvironment } from "./install.js";

export interface Twisted {
  /** The interpreter, as an absolute path. */
  python: string;
  /** For example "22.4.0". */
  version: string;
}

/** The versions that CI tests against: the version in Debian 12, and the newest one. */
export const versions = ["22.4", "26.4"] as const;
export type TwistedVersion = (typeof versions)[number];

export const noTwisted =
  "TWISTED IS MISSING: nothing is tested against Twisted. Set PB_PYTHON to a Python that has it.";

/**
 * Finds an installed Twisted, or installs one. Returns undefined and prints the reason on stderr when that fails.
 * Blocks while it installs.
 */
export function findTwisted(wanted?: TwistedVersion): Twisted | undefined {
  const isWanted = ({ version }: Twisted): boolean => wanted === undefined || version.startsWith(`${wanted}.`);
  const installed = installedTwisteds().find(isWanted);
  if (installed !== undefined) return installed;

  const aptTwisted = (): string | undefined => (aptInstall(["python3-twisted"]) ? "/usr/bin/python3" : undefined);
  const installers = { "22.4": [aptTwisted], "26.4": [makeEnvironment] };
  for (const install of wanted === undefined ? [makeEnvironment, aptTwisted] : installers[wanted]) {
    const python = install();
    const twisted = python === undefined ? undefined : probe(python);
    if (twisted !== undefined && isWanted(twisted)) return twisted;
  }
  return undefined;
}

/**
 * Every Twisted to test against: all installed versions, or one that is installed now.
 * With CI=true: exactly {@link versions}. Throws when one of them cannot be installed.
 */
export function allTwisteds(): Twisted[] {
  if (process.env.CI === "true") {
    return versions.map((version) => {
      const twisted = findTwisted(version);
      if (twisted === undefined) throw new Error(`CI needs Twisted ${version}, which cannot be installed.`);
      return twisted;
    });
  }
  const installed = installedTwisteds();
  return installed.length > 0 ? installed : [findTwisted() ?? []].flat();
}

declare module "vitest" {
  interface ProvidedContext {
    twisteds: Twisted[];
  }
}

/** The global setup of vitest: finds Twisted once per test run. Tests get the list with inject("twisteds"). */
export function setup(project: TestProject): void {
  const twisteds = allTwisteds();
  if (twisteds.length === 0) console.error(noTwisted);
  project.provide("twisteds", twisteds);
}

/** The environment for Python programs: they write no bytecode files and do not buffer their output. */
export function pythonEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, PYTHONDONTWRITEBYTECODE: "1", PYTHONUNBUFFERED: "1" };
}

/** One for each version. Candidates in this order: $PB_PYTHON, python3, /usr/bin/python3, the virtual environment. */
function installedTwisteds(): Twisted[] {
  const configured = process.env.PB_PYTHON;
  const found = [configured, "python3", "/usr/bin/python3", environmentPython()].flatMap((python) => {
    const twisted = python ? probe(python) : undefined;
    if (configured && python === configured && !twisted) console.error(`PB_PYTHON=${python} cannot import Twisted.`);
    return twisted ?? [];
  });
  return found.filter(({ version }, index) => found.findIndex((other) => other.version === version) === index);
}

const probeScript = `
import importlib.util, sys, twisted
assert importlib.util.find_spec("twisted.spread.pb")
print(sys.executable, twisted.__version__, sep="\\n")
`;

function probe(python: string): Twisted | undefined {
  const { status, stdout } = spawnSync(python, ["-c", probeScript], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    env: pythonEnvironment(),
    timeout: 300_000, // Only ends a Python that hangs.
  });
  if (status !== 0) return undefined;
  const [executable, version] = stdout.trim().split(/\r?\n/);
  return { python: executable!, version: version! };
}
