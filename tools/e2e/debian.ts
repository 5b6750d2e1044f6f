// Debian's packages with the software that we are tested against.

import { existsSync } from "node:fs";
import { aptInstall } from "../twisted/install.js";

/** Whether these commands are there, or could be put there: as root, on a Debian. Blocks while it installs. */
export function provide(commands: Readonly<Record<string, string>>): boolean {
  const missing = Object.entries(commands).filter(([command]) => !existsSync(`/usr/bin/${command}`));
  if (missing.length === 0) return true;
  return aptInstall(missing.map(([, debianPackage]) => debianPackage));
}

/** The programs of a whole Buildbot. */
export const buildbot = { buildbot: "buildbot", "buildbot-worker": "buildbot-worker" };
