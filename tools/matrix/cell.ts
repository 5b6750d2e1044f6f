// One Node against one Twisted: every check of the interop contract, both ways. Run by the Node in question: cell.ts PYTHON VERSION.

import { complaints, judge, settings, titleOf } from "../interop/judge.js";
import type { Outcome } from "./matrix.js";

const [python = "python3", version = ""] = process.argv.slice(2);
const twisted = { python, version };
const wrong: string[] = [];
let passed = 0;
let total = 0;
for (const setting of settings) {
  const verdicts = await judge(twisted, setting);
  total += verdicts.length;
  passed += verdicts.filter(({ ok }) => ok).length;
  wrong.push(
    ...complaints(twisted, setting, verdicts).map((complaint) => `${titleOf(twisted, setting)}: ${complaint}`),
  );
}
const outcome: Outcome = { node: process.versions.node, twisted: version, passed, total, wrong };
console.log(JSON.stringify(outcome));
