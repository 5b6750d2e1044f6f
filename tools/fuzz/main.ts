/**
 * npm run fuzz -- banana|broker [--runs=1000000] [--seed=1]: stops at the first input that is handled wrongly, and
 * shrinks it.
 */

import { parseArgs } from "node:util";
import { fuzzBanana } from "./banana.js";
import { fuzzBroker } from "./broker.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: "string", default: "1000000" }, seed: { type: "string" } },
});
const [name = ""] = positionals;
const fuzz = new Map(Object.entries({ banana: fuzzBanana, broker: fuzzBroker })).get(name);
if (fuzz === undefined) {
  console.error("Usage: npm run fuzz -- banana|broker [--runs=1000000] [--seed=1]");
  process.exitCode = 2;
} else {
  const options = { runs: Number(values.runs), seed: Number(values.seed ?? Date.now() % 2 ** 31) };
  console.log(`${name}: ${options.runs} inputs, seed ${options.seed}`);
  for (const [outcome, count] of Object.entries(await fuzz(options)))
    console.log(`${String(count).padStart(9)}  ${outcome}`);
}
