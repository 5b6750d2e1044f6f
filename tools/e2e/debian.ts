// Installs Debian packages with the software that the tests run against.

import { existsSync } from "node:fs";
import { aptInstall } from "../twisted/install.js";

/** Whether Buildbot's programs exist or can be installed, which needs root on Debian. Blocks while it installs. */
export function provideBuildbot(): boolean {
  // The Debian packages have the names of the programs.
  const missing = ["buildbot", "buildbot-worker"].filter((program) => !existsSync(`/usr/bin/${program}`));
  return missing.length === 0 || aptInstall(missing);
}
