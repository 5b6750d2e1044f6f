// npm run real -- buildbot [BUILDER…]: our worker does for a real master what Buildbot's does, all 82 checks.
// npm run real -- listings [NAME…]: the pairs of Twisted's howto, with one half in TypeScript.

import { findTwisted, noTwisted } from "../twisted/twisted.js";
import { Master } from "./buildbot/master.js";
import { WorkerProgram } from "./buildbot/worker.js";
import { buildbot, provide } from "./debian.js";
import { fetchListings, runPair } from "./listings/listings.js";
import { pairs } from "./listings/pairs.js";
import { Programs } from "./programs.js";

const [what, ...names] = process.argv.slice(2);
const wholes: Readonly<Record<string, (programs: Programs) => Promise<boolean>>> = {
  buildbot: checkBuildbot,
  listings: checkListings,
};

const check = Object.hasOwn(wholes, what ?? "") ? wholes[what!] : undefined;
if (check === undefined) {
  console.error("usage: npm run real -- buildbot [BUILDER…] | listings [NAME…]");
  process.exitCode = 2;
} else {
  using programs = await Programs.build();
  process.exitCode = (await check(programs)) ? 0 : 1;
}

async function checkBuildbot(programs: Programs): Promise<boolean> {
  if (!provide(buildbot)) throw new Error("No Buildbot here: on Debian, root gets it by apt.");
  await using master = await Master.start();
  await using _worker = await WorkerProgram.start(master, programs);
  const builders = names.length > 0 ? names : ["basic", "shell", "files", "errors", "exception"];
  const { status, text } = await master.check(...builders);
  console.log(`${text}${(text.match(/^ok /gm) ?? []).length} checks hold`);
  return status === 0;
}

async function checkListings(programs: Programs): Promise<boolean> {
  const twisted = findTwisted("22.4") ?? findTwisted();
  if (twisted === undefined || !fetchListings()) throw new Error(noTwisted);
  let isGood = true;
  for (const name of names.length > 0 ? names : Object.keys(pairs)) {
    for (const side of ["client", "server"] as const) {
      const complaints = await runPair(name, side, programs, twisted.python);
      console.log(`${complaints.length === 0 ? "ok   " : "FAIL "} ${name} with our ${side}: ${pairs[name]!.shows}`);
      for (const complaint of complaints) console.log(complaint);
      isGood &&= complaints.length === 0;
    }
  }
  return isGood;
}
