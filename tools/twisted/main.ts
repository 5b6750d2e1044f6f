// npm run twisted [-- 22.4 | 26.4]: prints the Twisted versions that the tests use; installs the given one if needed.

import { allTwisteds, findTwisted, noTwisted, versions } from "./twisted.js";

const argument = process.argv[2];
const wanted = versions.find((version) => version === argument);
if (argument !== wanted) {
  console.error(`Unknown version ${argument!}. Known versions: ${versions.join(", ")}.`);
  process.exit(2);
}

const twisteds = wanted === undefined ? allTwisteds() : [findTwisted(wanted) ?? []].flat();
for (const { python, version } of twisteds) console.log(`Twisted ${version}  ${python}`);
if (twisteds.length === 0) {
  console.error(noTwisted);
  process.exitCode = 1;
}
