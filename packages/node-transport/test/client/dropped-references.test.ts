// References that a program gets in a loop and drops are released before the limit of the peer is reached.

import { Referenceable, Root } from "@pb/broker";
import type { BrokerEvent, RemoteReference } from "@pb/broker";
import { connect, listen } from "@pb/node-transport";
import { expect, test } from "vitest";

class Job extends Referenceable {
  readonly #number: number;

  constructor(number: number) {
    super();
    this.#number = number;
  }

  remote_run(): number {
    return this.#number;
  }
}

class Queue extends Root {
  remote_job(number: number): Job {
    return new Job(number);
  }
}

async function open() {
  const events: BrokerEvent[] = [];
  const onEvent = (event: BrokerEvent): void => void events.push(event);
  const server = await listen("tcp:0:interface=127.0.0.1", new Queue(), { broker: { onEvent } });
  const client = await connect(`tcp:127.0.0.1:${server.port}`, { broker: { onEvent } });
  const queue = (await client.getRootObject<Queue>()) as unknown as RemoteReference;
  const close = async (): Promise<void> => {
    await Promise.all([client.close(), server.close()]);
  };
  return { events, client, queue, [Symbol.asyncDispose]: close };
}

test("a loop over 5,000 objects that uses each once never reaches the limit", async () => {
  await using ends = await open();
  for (let number = 0; number < 5000; number++) {
    const job = (await ends.queue.callRemote("job", number)) as RemoteReference;
    expect(await job.callRemote("run")).toBe(number);
  }
  expect(ends.client.stats().referencesHeld).toBeLessThan(1024);
});

test("references that are held are reported at both ends before the limit, and the error says what to do", async () => {
  await using ends = await open();
  const held: unknown[] = [];
  for (let number = 0; number < 1024; number++) held.push(await ends.queue.callRemote("job", number));
  const near = ends.events.filter(({ kind }) => kind === "references-near-limit");
  expect(near).toContainEqual(expect.objectContaining({ held: true, limit: 1024 }));
  expect(near).toContainEqual(expect.objectContaining({ held: false, limit: 1024 }));
  expect(near.length).toBeLessThan(6);
  await expect(ends.queue.callRemote("job", 1024)).rejects.toThrow(
    "Maximum PB reference count exceeded. The receiver holds 1024 objects: let it release those it does not use",
  );
  expect(held).toHaveLength(1024);
});
