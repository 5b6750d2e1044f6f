/** Runs every check of the interop contract, both ways, in the Node that runs this file: cell.ts PYTHON VERSION. */

import { complaints, judge, settings, titleOf } from "../interop/judge.js";

const [python = "python3", version = ""] = process.argv.slice(2);
const twisted = { python, version };
let wrong = 0;
let passed = 0;
let total = 0;
for (const setting of settings) {
  const verdicts = await judge(twisted, setting);
  total += verdicts.length;
  passed += verdicts.filter(({ ok }) => ok).length;
  for (const complaint of complaints(twisted, setting, verdicts)) {
    wrong++;
    console.error(`${titleOf(twisted, setting)}: ${complaint}`);
  }
}
console.log(wrong === 0 ? `${passed} of ${total}` : `**${wrong} wrong** of ${total}`);
process.exitCode = wrong === 0 ? 0 : 1;
