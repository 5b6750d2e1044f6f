/** Prints the Twisteds that tests talk to, or makes sure of one: npm run twisted [-- 22.4 | 26.4]. */
import { allTwisteds, findTwisted, noTwisted, type TwistedVersion } from "./twisted.js";

const [wanted] = process.argv.slice(2);
const known: readonly string[] = ["22.4", "26.4"] satisfies TwistedVersion[];

if (wanted !== undefined && !known.includes(wanted)) {
  console.error(`There is no ${wanted} to ask for; there are ${known.join(" and ")}.`);
  process.exit(2);
}

const found = wanted === undefined ? allTwisteds() : [findTwisted(wanted as TwistedVersion)];
const twisteds = found.filter((twisted) => twisted !== undefined);

for (const { python, version } of twisteds) console.log(`Twisted ${version}  ${python}`);
if (twisteds.length === 0) {
  console.error(noTwisted);
  process.exitCode = 1;
}
