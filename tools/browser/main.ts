/** npm run browsers [-- Firefox WebKit]: runs the contract in browsers, whose Debian packages are installed first. */

import { isDeepStrictEqual } from "node:util";
import { writeFileSync } from "node:fs";
import { markdownTable } from "markdown-table";
import { checks } from "../interop/client.js";
import { engines, findEngine, runIn } from "./engines.js";
import type { EngineName } from "./engines.js";
import { contracts, outcomes, transports } from "./expected.js";
import { openSite } from "./site.js";
import type { Contract } from "./site.js";

const names = Object.keys(engines) as EngineName[];
const chosen = names.filter((name) => process.argv.length === 2 || process.argv.includes(name));
const header = ["", ...transports, "other scenarios"];
const rows: string[][] = [];

for (const name of chosen) {
  const version = findEngine(engines[name], true);
  if (version === undefined) console.error(`${name} cannot be installed: it needs Debian and root`);
  else rows.push([version, ...(await cellsOf(name))]);
}
if (rows.length < chosen.length || rows.flat().some((cell) => cell.includes("**"))) process.exitCode = 1;
const table = markdownTable([header, ...rows]);
console.log(table);
if (rows.length === names.length) writePage();

/** What passed in one browser: for each transport, and of the other scenarios. Failures are listed on stderr. */
async function cellsOf(name: EngineName): Promise<string[]> {
  await using site = await openSite();
  await runIn(name, site);
  const failures: string[] = [];
  const cells = transports.map((transport) => {
    let [passed, all] = [0, 0];
    for (const row of contracts.filter((one) => one.transport === transport)) {
      const result = site.results.get(row.name) as Contract | string;
      all += Object.keys(checks[row.variant]).length;
      if (typeof result === "object") passed += result.passed;
      if (typeof result !== "object" || result.failed.length > 0)
        failures.push(`${row.name}: ${JSON.stringify(result)}`);
    }
    return cell(passed, all);
  });
  const others = Object.entries(outcomes);
  const wrong = others.filter(([scenario, outcome]) => !isDeepStrictEqual(site.results.get(scenario), outcome));
  for (const [scenario] of wrong) failures.push(`${scenario}: ${JSON.stringify(site.results.get(scenario))}`);
  for (const failure of failures) console.error(`${name}, ${failure}`);
  return [...cells, cell(others.length - wrong.length, others.length)];
}

function cell(passed: number, all: number): string {
  const text = `${passed} of ${all}`;
  return passed === all ? text : `**${text}**`;
}

function writePage(): void {
  const text = `# Browsers

\`npm run browsers\` runs the interoperability contract in browsers of Debian and writes this page. A column is a transport: the
number of checks that passed, of those that \`tools/interop/web.test.ts\` runs over TCP. The other scenarios are logins by
SCRAM from each place, workers, iframes and servers that end or are not there, and a window of another origin.

Last run: ${new Date().toISOString().slice(0, 10)}

${table}
`;
  writeFileSync(new URL("TABLE.md", import.meta.url), text);
}
