/** Runs the checks named on the command line, or all of them, and fails when one of them finds something. */
import { fileURLToPath } from "node:url";
import { layering } from "./layering.js";
import { packed } from "./packed.js";
import { size } from "./size.js";

/** A check gives back one line for each thing that is wrong. */
type Check = (root: string) => string[] | Promise<string[]>;

const checks: Record<string, Check> = { layering, packed, size };

const root = fileURLToPath(new URL("../../", import.meta.url));
const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(checks);

for (const name of wanted) {
  const check = checks[name];
  if (check === undefined) {
    console.error(`There is no check "${name}"; there are ${Object.keys(checks).join(", ")}.`);
    process.exit(2);
  }
  const findings = await check(root);
  for (const finding of findings) console.error(finding);
  console.log(findings.length === 0 ? `${name}: fine` : `${name}: ${findings.length} to mend`);
  if (findings.length > 0) process.exitCode = 1;
}
