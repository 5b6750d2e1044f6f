// The broker with links that deliver bytes, or end, before `send` or `resume` has returned: no message is handled in
// the middle of another step.

import { describe, expect, test } from "vitest";
import { Broker, Copyable, remoteCopy, RemoteCopy, Root } from "@pb/broker";
import type { BrokerOptions, Connection, Peer } from "@pb/broker";
import type { Link, LinkReceiver } from "@pb/broker/extension";
import { encode } from "@pb/banana";
import { TypeRegistry } from "@pb/jelly-types";
import { rejection } from "../support/raw-peer.js";

/** A link that delivers to the peer before `send` returns. */
class SynchronousLink implements Link {
  readonly role: "listener" | "initiator";
  readonly peer: Peer = { description: "at once", isEncrypted: true };
  queuedBytes = 0;
  #other: SynchronousLink;
  #receiver: LinkReceiver | undefined;
  readonly #arrived: Uint8Array[] = [];
  #isPaused = false;
  #isOver = false;

  constructor(role: "listener" | "initiator", other?: SynchronousLink) {
    this.role = role;
    this.#other = other ?? new SynchronousLink("initiator", this);
  }

  get other(): SynchronousLink {
    return this.#other;
  }

  start(receiver: LinkReceiver): void {
    this.#receiver = receiver;
    this.#deliver();
  }

  send(bytes: Uint8Array): void {
    if (this.#isOver) return;
    this.#other.#arrived.push(bytes);
    this.#other.#deliver();
  }

  close(): void {
    this.destroy();
  }

  destroy(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#receiver?.lost();
    this.#other.destroy();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#deliver();
  }

  #deliver(): void {
    while (!this.#isPaused && this.#receiver !== undefined) {
      const bytes = this.#arrived.shift();
      if (bytes === undefined) return;
      this.#receiver.received(bytes);
      bytes.fill(0xff);
    }
  }
}

/** Enough bytes to be sent at once instead of at the end of the turn. */
const largeBytes = new Uint8Array(300_000).fill(7);

class Hook extends Copyable {
  static readonly remoteType = "test.Hook";
}

/** Calls `onState` when its state is read. */
class HookCopy extends RemoteCopy {
  override setCopyableState(): void {
    onState();
  }
}
let onState: () => void;
const types = new TypeRegistry().register(remoteCopy("test.Hook", HookCopy));

class Service extends Root {
  readonly received: unknown[] = [];

  remote_echo(value: unknown): unknown {
    return value;
  }
  remote_receive(...values: unknown[]): void {
    this.received.push(...values);
  }
  remote_leave(): void {}
}

async function pair({ server: listening, client: initiating }: { server: BrokerOptions; client?: BrokerOptions }) {
  const link = new SynchronousLink("listener");
  const server = new Broker(link, inOneTurn(listening));
  const client = new Broker(link.other, inOneTurn(initiating));
  const root = await client.getRootObject<Service>();
  return { link, server, client, root, [Symbol.asyncDispose]: () => client.close() };
}

/** On a busy machine, reading would stop in the middle of these tests, because the time of a turn is over. */
function inOneTurn(options: BrokerOptions = {}): BrokerOptions {
  return { ...options, limits: { turnMs: Infinity, ...options.limits } };
}

describe("a link that delivers within `send`", () => {
  test("may deliver the answer before the call has returned", async () => {
    await using ends = await pair({ server: { root: new Service() } });
    expect(await ends.root.callRemote("echo", largeBytes)).toHaveLength(largeBytes.length);
    expect(await ends.root.callRemote("echo", "second")).toBe("second");
  });

  test("may deliver the first messages before the negotiation has finished", async () => {
    class EarlyService extends Service {
      override rootObject(connection: Connection): this {
        void connection.drained();
        return this;
      }
    }
    await using ends = await pair({ server: { root: new EarlyService() } });
    expect(await ends.root.callRemote("echo", "hello")).toBe("hello");
  });

  test("may deliver a message while another one is being read", async () => {
    const service = new Service();
    await using ends = await pair({ server: { root: service, types } });
    onState = () => {
      ends.root.sendRemote("receive", "sent while reading");
      void ends.client.drained();
    };
    await ends.root.callRemote("receive", new Hook(), "after the hook");
    await ends.client.idle();
    expect(service.received).toEqual([expect.any(HookCopy), "after the hook", "sent while reading"]);
  });

  test("may deliver the last messages and the end at once", async () => {
    const service = new Service();
    class ClosingService extends Service {
      override remote_leave(): void {
        clientRoot.sendRemote("receive", largeBytes, "last message");
        void ends.server.close();
      }
    }
    const ends = await pair({ server: { root: new ClosingService() }, client: { root: service } });
    const clientRoot = await ends.server.getRootObject<Service>();
    const answer = rejection(ends.root.callRemote("leave"));
    void ends.client.drained().catch(() => undefined);
    expect(await answer).toMatchObject({ reason: "lost" });
    expect(service.received).toEqual([expect.any(Uint8Array), "last message"]);
  });
});

test("reads what a link delivers at once, also before anything was sent", async () => {
  let deliver: (bytes: Uint8Array) => void = () => undefined;
  const sent: Uint8Array[] = [];
  const link = Object.assign(new SynchronousLink("initiator"), {
    start: (receiver: LinkReceiver) => void (deliver = (bytes) => receiver.received(bytes)),
    send: (bytes: Uint8Array) => void sent.push(bytes),
  });
  const broker = new Broker(link);
  deliver(encode([new TextEncoder().encode("pb"), new TextEncoder().encode("none")]));
  expect(broker.dialect?.name).toBe("pb");
  await broker.ready;
  expect(sent).toHaveLength(1);
  broker.terminate("closed");
});

test("a link that never calls drained is read again when its bytes have been sent", async () => {
  await using ends = await pair({ server: { root: new Service(), limits: { queuedBytes: 1000 } } });
  for (const fill of [1, 2, 3]) {
    const bytes = new Uint8Array(2000).fill(fill);
    expect(await ends.root.callRemote("echo", bytes)).toEqual(bytes);
  }
});

test("a link that delivers within `resume` does not run a method in the middle of a call", async () => {
  class Waiting extends Service {
    remote_wait(): Promise<void> {
      return new Promise(() => undefined);
    }
  }
  const service = new Waiting();
  const limits = { callsRunning: 1 };
  await using ends = await pair({ server: { root: service, limits }, client: { root: new Service() } });
  const back = await ends.server.getRootObject<Service>();
  ends.root.sendRemote("wait" as never); // Runs for ever: the next calls are held, and then nothing is read.
  for (let call = 0; call < 3; call++) {
    ends.root.sendRemote("receive", largeBytes, "delivered by resume");
    await ends.client.drained();
  }
  expect(ends.server.stats()).toMatchObject({ callsHeld: 1, pausedBy: "callsRunning" });
  const answer = back.callRemote("echo", "hello"); // Allows one more call, because its answer may depend on it.
  expect(service.received).toEqual([]);
  expect(await answer).toBe("hello");
  expect(service.received).toHaveLength(6);
});
