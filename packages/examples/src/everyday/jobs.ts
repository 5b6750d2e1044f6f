// Controls the jobs of jobs.py: progress, the result, and a cancellation.

import { Referenceable, RemoteError } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { connect } from "@pb/node-transport";

class Progress extends Referenceable {
  constructor(readonly onStep: (step: number, steps: number) => unknown) {
    super();
  }
  remote_progress(step: number, steps: number): unknown {
    return this.onStep(step, steps);
  }
}

interface Job extends Referenceable {
  remote_result(): number;
  remote_cancel(): void;
}

interface Farm {
  start(steps: number, watcher: RemoteReference<Progress>): Job;
}

export async function main(address: string, print: (line: string) => void): Promise<void> {
  await using connection = await connect(address);
  const farm = await connection.getRootObject<Farm>();

  const job = await farm.call.start(3, new Progress((step, steps) => print(`Step ${step} of ${steps}`)));
  print(`The sum is ${await job.call.result()}`);

  // The second step waits until the job is canceled.
  const { promise: second, resolve: reached } = withResolvers();
  const endless = await farm.call.start(1_000_000, new Progress((step) => (step === 2 ? reached() : undefined)));
  const result = endless.call.result();
  await second;
  await endless.call.cancel();
  try {
    await result;
  } catch (error) {
    if (!(error instanceof RemoteError) || !error.is("jobs.JobCanceled")) throw error;
    print("The job was canceled");
  }

  // Not to wait any longer is another matter: the job runs on.
  const waiting = await farm.call.start(1_000_000, new Progress(() => undefined));
  const error = await waiting
    .with({ timeoutMs: 1 })
    .call.result()
    .catch((reason: unknown) => reason);
  print(`Gave up: ${(error as Error).name}`);
  await waiting.call.cancel();
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}
