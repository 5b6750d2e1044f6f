/** Runs the checks named on the command line, or all of them: npm run checks [-- layering size]. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { api } from "./api.js";
import { layering } from "./layering.js";
import { packed } from "./packed.js";
import { typeCost } from "./type-cost.js";
import { size } from "./size.js";

/** A check returns one line for each problem. */
type Check = (root: string) => string[] | Promise<string[]>;

const checks: Record<string, Check> = { layering, knip, packed, api, size, "type-cost": typeCost };

const root = fileURLToPath(new URL("../../", import.meta.url));
const named = process.argv.slice(2).filter((argument) => argument !== "--accept"); // an option of "api"
const wanted = named.length > 0 ? named : Object.keys(checks);

for (const name of wanted) {
  const check = checks[name];
  if (check === undefined) {
    console.error(`Unknown check "${name}"; the checks are ${Object.keys(checks).join(", ")}.`);
    process.exit(2);
  }
  const problems = await check(root);
  for (const problem of problems) console.error(problem);
  console.log(problems.length === 0 ? `${name}: ok` : `${name}: ${problems.length} problems`);
  if (problems.length > 0) process.exitCode = 1;
}

/** Finds unused files, exports and dependencies (knip.json). */
function knip(root: string): string[] {
  return runTool("knip/bin/knip.js", root);
}

/** Runs a tool that prints its results itself. */
function runTool(script: string, cwd: string): string[] {
  const program = fileURLToPath(new URL(`../node_modules/${script}`, import.meta.url));
  const { status } = spawnSync(process.execPath, [program], { cwd, stdio: "inherit" });
  return status === 0 ? [] : [`${script} failed: see above.`];
}
