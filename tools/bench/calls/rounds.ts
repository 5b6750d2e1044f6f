// Rounds of a work: everybody once a round, in an order that changes, so that what disturbs one disturbs the others too.

import { spread } from "../measure.js";
import type { Spread } from "../measure.js";
import type { Contender, Name } from "./contender.js";
import type { Work } from "./work.js";

export interface Rate {
  readonly name: Name;
  /** Per second. */
  readonly rate: Spread;
  /** How often faster we are, round by round. */
  readonly ratio: Spread;
  /** Seconds of processor time for one, of both sides together: the median. */
  readonly cpu: number;
}

export interface RoundsOptions {
  readonly rounds: number;
  /** How long each takes in each round. Default 0.15. */
  readonly seconds?: number;
}

/** Before it is measured, a work is done for so many rounds' time: V8 compiles beside it on the same core, which takes a second. */
const WARM_UP = 10;

/** Measures a work for every contender, the first of which is what the others are compared with. */
export async function measureRates(
  contenders: readonly Contender[],
  work: Work,
  { rounds, seconds = 0.15 }: RoundsOptions,
): Promise<Rate[]> {
  const counts = new Map<Contender, number>();
  for (const each of contenders) counts.set(each, await calibrate(each, work, seconds));
  const measured = new Map<Contender, { seconds: number; cpu: number }[]>(contenders.map((each) => [each, []]));
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const each = contenders[(turn + round) % contenders.length]!;
      const count = counts.get(each)!;
      const took = await each.run(work, count);
      measured.get(each)!.push({ seconds: took.seconds / count, cpu: took.cpu / count });
    }
  }
  const first = measured.get(contenders[0]!)!;
  return contenders.map((each) => {
    const own = measured.get(each)!;
    return {
      name: each.name,
      rate: spread(own.map((one) => 1 / one.seconds)),
      ratio: spread(own.map((one, round) => one.seconds / first[round]!.seconds)),
      cpu: spread(own.map((one) => one.cpu)).median,
    };
  });
}

/** How many take about that long, after some that warm it up. */
async function calibrate(contender: Contender, work: Work, seconds: number): Promise<number> {
  let count = 1;
  let spent = 0;
  while (true) {
    const took = (await contender.run(work, count)).seconds;
    spent += took;
    if (spent > WARM_UP * seconds && (took > seconds / 3 || count === 1))
      return Math.max(1, Math.round((count * seconds) / took));
    if (took < seconds) count *= took < seconds / 8 ? 4 : 2;
  }
}
