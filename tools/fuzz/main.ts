// Feeds mutated input to a package: npm run fuzz -- banana|broker [--runs=1000000] [--seed=1]. Fails at the first input that is handled badly.

import { fuzzBanana } from "./banana.js";
import { fuzzBroker } from "./broker.js";

const targets: Record<string, (options: { runs: number; seed: number }) => Promise<Record<string, number>>> = {
  banana: fuzzBanana,
  broker: fuzzBroker,
};

const [name = "", ...options] = process.argv.slice(2);
const target = Object.hasOwn(targets, name) ? targets[name] : undefined;
if (target === undefined) {
  console.error(
    `Usage: npm run fuzz -- <target> [--runs=1000000] [--seed=1]; targets: ${Object.keys(targets).join(", ")}`,
  );
  process.exitCode = 2;
} else {
  const runs = numberOf("runs", 1_000_000);
  const seed = numberOf("seed", Date.now() % 2 ** 31);
  console.log(`${name}: ${runs} inputs, seed ${seed}`);
  for (const [outcome, count] of Object.entries(await target({ runs, seed })))
    console.log(`${String(count).padStart(9)}  ${outcome}`);
}

function numberOf(option: string, otherwise: number): number {
  const given = options.find((each) => each.startsWith(`--${option}=`));
  return given === undefined ? otherwise : Number(given.slice(option.length + 3));
}
