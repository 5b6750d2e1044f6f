/** Runs the checks named on the command line, or all of them: npm run checks [-- layering packed size]. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { layering } from "./layering.js";
import { packed } from "./packed.js";

/** A check returns one line for each problem. */
type Check = (root: string) => string[] | Promise<string[]>;

const checks: Record<string, Check> = { layering, packed, size };

const root = fileURLToPath(new URL("../../", import.meta.url));
const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(checks);

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

/** size-limit prints its table itself. The entries are in tools/.size-limit.js. */
function size(root: string): string[] {
  const program = fileURLToPath(new URL("../node_modules/size-limit/bin.js", import.meta.url));
  const { status } = spawnSync(process.execPath, [program], { cwd: `${root}/tools`, stdio: "inherit" });
  return status === 0 ? [] : ["a size is over its limit, or size-limit failed: see above."];
}
