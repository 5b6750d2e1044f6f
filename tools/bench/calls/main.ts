// @pb beside what a user would pick instead: the same work over loopback TCP, server and client as two processes.

import { Contender, names } from "./contender.js";
import { showConnections, showGrowth, showRates, writePage } from "./page.js";
import type { Findings } from "./page.js";
import { measureRates } from "./rounds.js";
import { measureConnections, measureGrowth } from "./scale.js";
import { works } from "./works.js";

/** Rounds, unless `--rounds=` says otherwise. */
const ROUNDS = 11;

/** Measures what is named, or everything; then the page is written too. Arguments: `--rounds=11`, `--only=@pb,raw` to leave others out. */
export async function main(wanted: readonly string[], args: readonly string[]): Promise<void> {
  const option = (name: string): string | undefined =>
    args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
  const rounds = Number(option("rounds") ?? ROUNDS);
  const only = option("only")?.split(",");
  const takesPart = (name: string): boolean => only?.some((each) => name.startsWith(each)) ?? true;

  using contenders = new Cast();
  for (const name of names) if (name === "@pb" || takesPart(name)) await contenders.join(name);
  const findings: Findings = { versions: contenders.all.map(({ version }) => version), rates: [] };
  for (const about of works) {
    if (wanted.length > 0 && !wanted.includes(about.work)) continue;
    const rates = await measureRates(contenders.all, about.work, { rounds });
    findings.rates.push({ about, rates });
    console.log(showRates(about, rates));
  }
  if (wanted.length === 0 || wanted.includes("connections")) {
    findings.connections = await measureConnections(contenders.all);
    console.log(showConnections(findings.connections));
  }
  contenders[Symbol.dispose]();
  if (wanted.length === 0 || wanted.includes("growth")) {
    findings.growth = await measureGrowth(rounds);
    console.log(showGrowth(findings.growth));
  }
  if (wanted.length === 0 && only === undefined) writePage(findings);
}

/** Everybody who is on stage, and has to leave it. */
class Cast implements Disposable {
  readonly all: Contender[] = [];

  async join(name: (typeof names)[number]): Promise<void> {
    const contender = await Contender.start(name);
    if (contender !== undefined) this.all.push(contender);
  }

  [Symbol.dispose](): void {
    for (const contender of this.all) contender[Symbol.dispose]();
  }
}
