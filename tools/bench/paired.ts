/**
 * Compares contenders by measuring them in turns, so that a change of the machine's speed affects all of them alike.
 * Libraries for benchmarks measure one contender after the other; on a shared machine their ratios drift.
 */

export interface Contender {
  readonly name: string;
  /** Does the work that many times. Resolves with the seconds it took, and optionally with those of processor time. */
  readonly run: (times: number) => Sample | Promise<Sample>;
}

export interface Sample {
  readonly seconds: number;
  readonly cpu: number;
}

/** A median and its 95 % confidence interval. */
export interface Estimate {
  readonly low: number;
  readonly median: number;
  readonly high: number;
}

export interface Result {
  readonly name: string;
  /** Seconds for doing the work once. */
  readonly seconds: Estimate;
  /** Median of the seconds of processor time for doing the work once. */
  readonly cpu: number;
  /** As {@link ratio}, of the processor time: other programs on the machine change it less. */
  readonly cpuRatio: Estimate;
  /** Time of this contender divided by the time of the first one in the same round. Above 1: the first is faster. */
  readonly ratio: Estimate;
}

export interface Options {
  /** How often each contender is measured. Default 25. */
  readonly rounds?: number;
  /** How long one measurement takes. Default 0.005. */
  readonly seconds?: number;
  /** For how long a contender works before it is measured, so that V8 has compiled it. Default 20 measurements. */
  readonly warmUp?: number;
}

/** Measures every contender once a round, in an order that rotates. */
export async function compare(contenders: readonly Contender[], options: Options = {}): Promise<Result[]> {
  const { rounds = 25, seconds = 0.005, warmUp = 20 * seconds } = options;
  const counts: number[] = [];
  for (const contender of contenders) counts.push(await calibrate(contender, seconds, warmUp));
  const samples = contenders.map((): Sample[] => []);
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const index = (turn + round) % contenders.length;
      const count = counts[index]!;
      const sample = await contenders[index]!.run(count);
      samples[index]!.push({ seconds: sample.seconds / count, cpu: sample.cpu / count });
    }
  }
  return contenders.map(({ name }, index) => ({
    name,
    seconds: estimate(samples[index]!.map((sample) => sample.seconds)),
    cpu: estimate(samples[index]!.map((sample) => sample.cpu)).median,
    ratio: estimate(samples[index]!.map((sample, round) => sample.seconds / samples[0]![round]!.seconds)),
    cpuRatio: estimate(samples[index]!.map((sample, round) => sample.cpu / samples[0]![round]!.cpu)),
  }));
}

/** A contender that runs a function in this process. Its seconds are processor time: other processes do not count. */
export function inProcess(name: string, work: () => unknown): Contender {
  return {
    name,
    run(times) {
      const start = process.cpuUsage();
      for (let left = times; left > 0; left--) lastResult = work();
      const { user, system } = process.cpuUsage(start);
      const seconds = (user + system) / 1e6;
      return { seconds, cpu: seconds };
    },
  };
}

let lastResult: unknown;
/** Exported so that the compiler cannot remove the work. @public */
export const keptResult = (): unknown => lastResult;

/** Warms up the contender and returns how often it does the work in about `seconds`. */
async function calibrate({ run }: Contender, seconds: number, warmUp: number): Promise<number> {
  let count = 1;
  let spent = 0;
  while (true) {
    const sample = await run(count);
    spent += sample.seconds;
    if (spent > warmUp && (sample.seconds > seconds / 3 || count === 1)) {
      return Math.max(1, Math.round((count * seconds) / sample.seconds));
    }
    if (sample.seconds < seconds) count *= 2;
  }
}

/** The median, and the order statistics that enclose it with a probability of at least 95 % for any distribution. */
export function estimate(values: readonly number[]): Estimate {
  const sorted = [...values].sort((a, b) => a - b);
  const count = sorted.length;
  // The number of values below the true median has a binomial distribution. Fewer than six values enclose it less
  // often.
  let index = -1;
  let probability = 0.5 ** count;
  for (let sum = probability; sum <= 0.025; sum += probability) {
    index++;
    probability *= (count - index) / (index + 1);
  }
  index = Math.max(index, 0);
  return { low: sorted[index]!, median: sorted[Math.floor(count / 2)]!, high: sorted[count - 1 - index]! };
}
