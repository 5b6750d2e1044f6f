/** Measures how much longer a program takes to start than Node alone. */
import { spawnSync } from "node:child_process";

/** Milliseconds of processor time, which other programs on the machine change less than the time on a clock. */
const MOST_MS = 200;

/** Pairs of runs, of which the median counts. */
const RUNS = 9;

/** Writes the processor time of its process to stderr, at the end. */
const METER = `data:text/javascript,${encodeURIComponent(`
  process.on("exit", () => {
    const { user, system } = process.cpuUsage();
    process.stderr.write("\\nprocessor time " + (user + system) / 1000 + " ms\\n");
  });`)}`;

/** A problem for each list of arguments with which the program starts too slowly. Throws if it fails. */
export function startTimeProblems(program: string, runs: readonly (readonly string[])[]): string[] {
  return runs.flatMap((args) => {
    const differences = Array.from({ length: RUNS }, () => processorMs([program, ...args]) - processorMs(["-e", "0"]));
    const median = differences.sort((a, b) => a - b)[RUNS >> 1]!;
    console.log(`${args.join(" ")}: ${median.toFixed(0)} ms of processor time more than Node alone`);
    return median <= MOST_MS ? [] : [`${args.join(" ")} takes ${median.toFixed(0)} ms to start: more than ${MOST_MS}`];
  });
}

function processorMs(args: readonly string[]): number {
  const { status, stderr } = spawnSync(process.execPath, ["--import", METER, ...args], { encoding: "utf8" });
  const [, ms] = /\nprocessor time ([\d.]+) ms\n$/.exec(stderr) ?? [];
  if (status !== 0 || ms === undefined) throw new Error(`${args.join(" ")} failed:\n${stderr}`);
  return Number(ms);
}
