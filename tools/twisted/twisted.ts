/**
 * Finds a Python that has Twisted, the implementation that judges ours, and makes one where there is none.
 * Looked at in this order: $PB_PYTHON, python3, /usr/bin/python3, the virtual environment made here.
 */
import { spawnSync } from "node:child_process";
import { aptTwisted, environmentPython, makeEnvironment } from "./install.js";

export interface Twisted {
  /** The interpreter, as an absolute path. */
  python: string;
  /** Twisted's own, for example "22.4.0". */
  version: string;
}

/** The versions that CI judges: the one in Debian 12, and the newest. */
export type TwistedVersion = "22.4" | "26.4";

/** Undefined where there is none and none can be had; the reason is then on stderr. Blocks while it installs. */
export function findTwisted(wanted: TwistedVersion | "any" = "any"): Twisted | undefined {
  const there = installedTwisteds().find((twisted) => isVersion(twisted, wanted));
  if (there !== undefined) return there;

  const ways = {
    "22.4": [aptTwisted],
    "26.4": [makeEnvironment],
    any: [makeEnvironment, aptTwisted],
  };
  for (const makeOne of ways[wanted]) {
    const python = makeOne();
    const made = python === undefined ? undefined : probe(python);
    if (made !== undefined && isVersion(made, wanted)) return made;
  }
  return undefined;
}

/**
 * Every Twisted to test against. At home: those that are installed, or one made for the purpose, or none.
 * With CI=true: both versions, and an error when one cannot be had.
 */
export function allTwisteds(): Twisted[] {
  if (process.env.CI === "true") {
    return (["22.4", "26.4"] as const).map((version) => {
      const twisted = findTwisted(version);
      if (twisted === undefined) throw new Error(`CI judges against Twisted ${version}, and it cannot be installed.`);
      return twisted;
    });
  }
  const installed = installedTwisteds();
  if (installed.length > 0) return installed;
  const made = findTwisted();
  return made === undefined ? [] : [made];
}

/** The environment for a Python of ours: it leaves no bytecode beside the sources and does not hold its output back. */
export function pythonEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, PYTHONDONTWRITEBYTECODE: "1", PYTHONUNBUFFERED: "1" };
}

export const noTwisted =
  "NO TWISTED HERE: nothing is judged against the real one. Set PB_PYTHON to a Python that has it.";

/** One for each version; the first interpreter wins. */
function installedTwisteds(): Twisted[] {
  const configured = process.env.PB_PYTHON;
  const pythons = [configured, "python3", "/usr/bin/python3", environmentPython()];
  const byVersion = new Map<string, Twisted>();
  for (const python of pythons) {
    if (!python) continue;
    const twisted = probe(python);
    if (twisted === undefined && python === configured) console.error(`PB_PYTHON=${python} does not import Twisted.`);
    if (twisted !== undefined && !byVersion.has(twisted.version)) byVersion.set(twisted.version, twisted);
  }
  return [...byVersion.values()];
}

const question = `
import importlib.util, sys, twisted
assert importlib.util.find_spec("twisted.spread.pb")
print(sys.executable, twisted.__version__, sep="\\n")
`;

function probe(python: string): Twisted | undefined {
  const { status, stdout } = spawnSync(python, ["-c", question], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    env: pythonEnvironment(),
    timeout: 30_000,
  });
  if (status !== 0) return undefined;
  const [executable, version] = stdout.trim().split(/\r?\n/);
  return { python: executable!, version: version! };
}

function isVersion({ version }: Twisted, wanted: TwistedVersion | "any"): boolean {
  return wanted === "any" || version.startsWith(`${wanted}.`);
}
