// Streams between this library and Twisted: with a peer that has neither txpb nor streams, and with txpb.

import { Broker, PBError } from "@pb/broker";
import type { RemoteReference, RemoteStream } from "@pb/broker";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from "vitest";
import { Program } from "../../../../tools/process/program.js";
import { pythonEnvironment } from "../../../../tools/twisted/twisted.js";
import { TestLink } from "../support/socket-link.js";

const script = fileURLToPath(new URL("streams.py", import.meta.url));
const txpb = fileURLToPath(new URL("../../../txpb/src/", import.meta.url));

class OutOfPaper extends PBError {
  static override readonly remoteType: string = "press.OutOfPaper";
}

async function read(stream: AsyncIterable<unknown>): Promise<unknown[]> {
  const items: unknown[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

describe.each(inject("twisteds"))("with Twisted $version", ({ python }) => {
  let server: Program;
  let ports: number[];

  beforeAll(async () => {
    const env = { ...pythonEnvironment(), PYTHONPATH: txpb };
    server = new Program("the server", [python, script], { env });
    ports = [Number(await server.nextLine()), Number(await server.nextLine())];
  });
  afterAll(() => server[Symbol.asyncDispose]());

  async function connect(kind: "stock" | "txpb"): Promise<{ root: RemoteReference; broker: Broker }> {
    const broker = new Broker(await TestLink.connect(ports[kind === "stock" ? 0 : 1]!));
    onTestFinished(() => broker.close());
    return { root: await broker.getRootObject(), broker };
  }

  async function expectNothingLeft(broker: Broker): Promise<void> {
    await expect.poll(() => broker.stats()).toMatchObject({ referencesGiven: 0, callsWaiting: 0, callsRunning: 0 });
  }

  test("an object of Python with the method next is read as a stream", async () => {
    const { root, broker } = await connect("stock");
    expect(await read((await root.callRemote("numbers", 3000)) as RemoteStream)).toEqual(numbers(3000));
    for await (const item of (await root.callRemote("numbers", 3000)) as RemoteStream) if (item === 5) break;
    await expectNothingLeft(broker);
  });

  test("Python reads a stream by hand, and it is closed when Python drops it", async () => {
    const { root, broker } = await connect("stock");
    const { count, closed } = counter();
    expect(await root.callRemote("pull", count(2500), 700)).toEqual(numbers(2500));
    expect(await root.callRemote("pull", count(3), 1)).toEqual(numbers(3));
    expect(await root.callRemote("pull_some", count(1e9), 2)).toEqual([0, 1]);
    await expect.poll(closed).toBe(3);
    await expectNothingLeft(broker);
  });

  test("Python gets the class of an error of the stream, after the items before it", async () => {
    const { root, broker } = await connect("stock");
    async function* fail(): AsyncGenerator<number> {
      yield* [1, 2, 3];
      throw new OutOfPaper("no paper");
    }
    const [items, type, text] = (await root.callRemote("pull_error", fail())) as unknown[];
    expect([items, String(type), text]).toEqual([[1, 2, 3], "press.OutOfPaper", "no paper"]);
    const [, , refused] = (await root.callRemote("pull_error", unsendable())) as unknown[];
    expect(refused).toMatch(/cannot be sent/);
    await expectNothingLeft(broker);
  });

  test("an async generator of Python is a stream, and ends when its reader leaves", async () => {
    const { root, broker } = await connect("txpb");
    const before = (await root.callRemote("closed")) as number;
    expect(await read((await root.callRemote("numbers", 3000)) as RemoteStream)).toEqual(numbers(3000));
    for await (const item of (await root.callRemote("numbers", 1_000_000)) as RemoteStream) if (item === 500) break;
    for await (const item of (await root.callRemote("waiting")) as RemoteStream) if (item === "first") break;
    await expect.poll(() => root.callRemote("closed")).toBe(before + 3);
    const failing = ((await root.callRemote("failing")) as RemoteStream)[Symbol.asyncIterator]();
    expect(await failing.next()).toEqual({ done: false, value: 1 });
    await expect(failing.next()).rejects.toThrow("no paper");
    await expectNothingLeft(broker);
  });

  test("Python reads a stream with async for, and leaves it", async () => {
    const { root, broker } = await connect("txpb");
    const { count, close, closed } = counter();
    expect(await root.callRemote("read", count(3000), 0)).toEqual(numbers(3000));
    expect(await root.callRemote("read", count(1e9), 10)).toEqual(numbers(10));
    const readable = new ReadableStream({ pull: (it) => it.enqueue(1), cancel: close });
    expect(await root.callRemote("read", readable, 2)).toEqual([1, 1]);
    await expect.poll(closed).toBe(3);
    await expectNothingLeft(broker);
  });
});

/** Streams of numbers, and how many of them were closed. `close` counts another one. */
function counter() {
  let closed = 0;
  const close = (): void => {
    closed++;
  };
  async function* count(most: number): AsyncGenerator<number> {
    try {
      for (let number = 0; number < most; number++) yield number;
    } finally {
      close();
    }
  }
  return { count, close, closed: () => closed };
}

async function* unsendable(): AsyncGenerator {
  yield () => undefined;
}
