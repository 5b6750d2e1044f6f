// Compiles programs that documents show, in a folder where the tests have written them.

import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** TypeScript 7, which is native: it takes a seventh of the processor time of TypeScript 6. */
const tsc = join(root, "tools/node_modules/typescript-newest/bin/tsc");

/**
 * Checks the types of `files`, which are in `folder`, with the options of the tests and `lib`. Returns the errors, one
 * per line: the empty string if there are none.
 */
export function compilerErrors(folder: string, files: readonly string[], lib?: readonly string[]): string {
  const config = { extends: join(root, "tsconfig.json"), compilerOptions: { noEmit: true, lib }, include: [], files };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
  const args = [tsc, "--pretty", "false", "-p", folder];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: "utf8", cwd: folder });
  return status === 0 ? stdout : `${stdout}${stderr}tsc exits with status ${String(status)}`;
}
