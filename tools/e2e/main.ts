// npm run real -- buildbot [BUILDER…]: our worker for a real Buildbot master must produce the builds of Buildbot's own.
// npm run real -- listings [NAME…]: the pairs of programs in Twisted's howto, with one half in TypeScript.

import { findTwisted, noTwisted } from "../twisted/twisted.js";
import { checkBuild } from "./buildbot/checks.js";
import { Master, provideBuildbot } from "./buildbot/master.js";
import { WorkerProgram } from "./buildbot/worker.js";
import { downloadListings, runPair } from "./listings/listings.js";
import { pairs } from "./listings/pairs.js";

const [suite, ...names] = process.argv.slice(2);
if (suite !== "buildbot" && suite !== "listings") {
  console.error("usage: npm run real -- buildbot [BUILDER…] | listings [NAME…]");
  process.exitCode = 2;
} else {
  process.exitCode = (await (suite === "buildbot" ? testBuildbot() : testListings())) ? 0 : 1;
}

/** Whether all checks passed. */
async function testBuildbot(): Promise<boolean> {
  if (!provideBuildbot()) throw new Error("Buildbot is missing: on Debian, root can install it with apt.");
  await using master = await Master.start();
  await using _worker = await WorkerProgram.start(master);
  let [passed, failed] = [0, 0];
  for (const builder of names.length > 0 ? names : ["basic", "shell", "files", "errors", "exception"]) {
    for (const { title, got } of await checkBuild(master, builder)) {
      console.log(got === undefined ? `ok    ${title}` : `FAIL  ${title}: got ${got}`);
      if (got === undefined) passed++;
      else failed++;
    }
  }
  console.log(`${passed} checks passed, ${failed} failed`);
  return failed === 0;
}

async function testListings(): Promise<boolean> {
  const twisted = findTwisted("22.4") ?? findTwisted();
  if (twisted === undefined || !downloadListings()) throw new Error(noTwisted);
  let allPassed = true;
  for (const name of names.length > 0 ? names : Object.keys(pairs)) {
    for (const side of ["client", "server"] as const) {
      const differences = await runPair(name, side, twisted.python);
      console.log(`${differences.length === 0 ? "ok   " : "FAIL "} ${name} with our ${side}: ${pairs[name]!.shows}`);
      for (const difference of differences) console.log(difference);
      allPassed &&= differences.length === 0;
    }
  }
  return allPassed;
}
