// Where the time goes: npm run profile -- NAME runs one bench of @pb under V8's profiler, writes what it saw, and lists what took most.
// The files open in the developer tools of Chrome, in VS Code and in speedscope, as flame graphs.

import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { Contender } from "./calls/contender.js";
import { works } from "./calls/works.js";

/** How long calls run: ten thousand samples a second. */
const SECONDS = 3;
/** How many functions are listed. */
const LISTED = 20;

const root = fileURLToPath(new URL("../../", import.meta.url));
const folder = join(root, "profiles");

/** What is used of a profile of V8's (the type `Profiler.Profile` of its inspector protocol). */
interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  /** The node on top of the stack at each sample, and the microseconds since the one before. */
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const [name = "", ...args] = process.argv.slice(2);
const work = works.find((each) => each.work === name)?.work;
mkdirSync(folder, { recursive: true });
for (const file of readdirSync(folder)) if (file.startsWith(`${name}-`)) rmSync(join(folder, file));

const flags = (side: string): string[] => [
  "--cpu-prof",
  "--cpu-prof-interval=100",
  `--cpu-prof-dir=${folder}`,
  `--cpu-prof-name=${name}-${side}.cpuprofile`,
];
if (work !== undefined) {
  using contender = (await Contender.start("@pb", flags))!;
  let times = 1;
  while ((await contender.run(work, times)).seconds < SECONDS) times *= 2;
  await contender.end();
} else if (name === "codec" || name === "jelly") {
  const program = [...flags("all"), "--import", "tsx", "--conditions=@pb/source", "tools/bench/main.ts", name, ...args];
  spawnSync(process.execPath, program, { cwd: root, stdio: "inherit" });
} else {
  console.error(`Usage: npm run profile -- ${[...works.map((each) => each.work), "codec", "jelly"].join(" | ")}`);
  process.exitCode = 1;
}

for (const file of readdirSync(folder).filter((each) => each.startsWith(`${name}-`))) {
  console.log(`\n${relative(process.cwd(), join(folder, file))}`);
  for (const line of most(JSON.parse(readFileSync(join(folder, file), "utf8")) as Profile)) console.log(`  ${line}`);
}

/** The functions in which most time was spent, those they call aside. */
function most({ nodes, samples, timeDeltas }: Profile): string[] {
  const places = new Map(
    nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => {
      const file = url === "" ? "" : ` ${basename(url)}:${lineNumber + 1}`;
      return [id, `${functionName === "" ? "(anonymous)" : functionName}${file}`];
    }),
  );
  const times = new Map<string, number>();
  let all = 0;
  for (const [index, id] of samples.entries()) {
    const place = places.get(id)!;
    if (place === "(idle)" || place === "(program)") continue;
    times.set(place, (times.get(place) ?? 0) + timeDeltas[index]!);
    all += timeDeltas[index]!;
  }
  const sorted = [...times].sort(([, a], [, b]) => b - a).slice(0, LISTED);
  return sorted.map(([place, time]) => `${((100 * time) / all).toFixed(1).padStart(5)} %  ${place}`);
}
