// npm run twisted [-- 22.4 | 26.4]: prints the Twisted versions that the tests use; installs the given one if needed.

import { allTwisteds, findTwisted, isTwistedVersion, noTwisted, versions } from "./twisted.js";

const [wanted] = process.argv.slice(2);
if (wanted !== undefined && !isTwistedVersion(wanted)) {
  console.error(`Unknown version ${wanted}. Known versions: ${versions.join(", ")}.`);
  process.exit(2);
}

const twisteds = wanted === undefined ? allTwisteds() : [findTwisted(wanted)].filter((found) => found !== undefined);
for (const { python, version } of twisteds) console.log(`Twisted ${version}  ${python}`);
if (twisteds.length === 0) {
  console.error(noTwisted);
  process.exitCode = 1;
}
