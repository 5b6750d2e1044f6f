/**
 * npm run fuzz -- banana|broker [--runs=1000000] [--seed=1]: stops at the first input that is handled wrongly, and
 * shrinks it. A run of at least 50,000 inputs that finds nothing writes the page of its fuzzer.
 *
 * npm run fuzz -- broker --plant: plants one bug after the other in the broker, which the fuzzer must find, and writes
 * PLANTS.md.
 */

import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { fuzzBanana } from "./banana.js";
import { fuzzBroker } from "./broker.js";
import { plantAll } from "./plants.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: "string", default: "1000000" }, seed: { type: "string" }, plant: { type: "boolean" } },
});
const [name = ""] = positionals;
const fuzz = new Map(Object.entries({ banana: fuzzBanana, broker: fuzzBroker })).get(name);
if (fuzz === undefined) {
  console.error("Usage: npm run fuzz -- banana|broker [--runs=1000000] [--seed=1] | broker --plant");
  process.exitCode = 2;
} else if (values.plant === true) await plantAll();
else {
  const options = { runs: Number(values.runs), seed: Number(values.seed ?? Date.now() % 2 ** 31) };
  const title = `${name}: ${options.runs} inputs, seed ${options.seed}`;
  console.log(title);
  const outcomes = Object.entries(await fuzz(options)).map(([outcome, n]) => `${String(n).padStart(9)}  ${outcome}`);
  console.log(outcomes.join("\n"));
  if (options.runs >= 50_000) writePage(title, outcomes);
}

function writePage(title: string, outcomes: readonly string[]): void {
  const date = new Date().toISOString().slice(0, 10);
  const text = `# Fuzzing ${title}

Written by \`npm run fuzz -- ${name}\`, which fails if an input is handled wrongly. How often each outcome happened:

Last run: ${date}, with Node ${process.versions.node}

\`\`\`text
${outcomes.join("\n")}
\`\`\`
`;
  writeFileSync(new URL(`${name}.md`, import.meta.url), text);
}
