/**
 * Builds the package in the current directory before it is packed or published, so that a package is never empty. Only
 * pnpm replaces "workspace:^" by versions and applies "publishConfig": packages that npm packs cannot be installed.
 */
import { spawnSync } from "node:child_process";

if (!process.env.npm_config_user_agent?.startsWith("pnpm/")) {
  process.stderr.write("Pack with `npm run pnpm -- pack` and publish with `npm run changeset -- publish`.\n");
  process.exit(1);
}
process.exitCode = spawnSync("npm run --silent build", { shell: true, stdio: "inherit" }).status ?? 1;
