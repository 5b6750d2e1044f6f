// A link may deliver when it likes, also from within `send` and `resume`: nothing is read in the middle of something else.

import { describe, expect, test } from "vitest";
import { Broker, Copyable, remoteCopy, RemoteCopy, Root } from "@pb/broker";
import type { BrokerOptions, Connection, Peer } from "@pb/broker";
import type { Link, LinkReceiver } from "@pb/broker/extension";
import { TypeRegistry } from "@pb/jelly-types";
import { rejection } from "../support/raw-peer.js";

/** What one end sends is at the other end before `send` returns. */
class AtOnce implements Link {
  readonly role: "listener" | "initiator";
  readonly peer: Peer = { description: "at once", isEncrypted: true };
  queuedBytes = 0;
  #other: AtOnce;
  #receiver: LinkReceiver | undefined;
  readonly #arrived: Uint8Array[] = [];
  #isPaused = false;
  #isOver = false;

  constructor(role: "listener" | "initiator", other?: AtOnce) {
    this.role = role;
    this.#other = other ?? new AtOnce("initiator", this);
  }

  get other(): AtOnce {
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

/** So much is sent at once, not at the end of the turn. */
const much = new Uint8Array(300_000).fill(7);

class Hook extends Copyable {
  static readonly remoteType = "test.Hook";
}

/** Does something when its state is read. */
class HookCopy extends RemoteCopy {
  override setCopyableState(): void {
    onState();
  }
}
let onState: () => void;
const types = new TypeRegistry().register(remoteCopy("test.Hook", HookCopy));

class Service extends Root {
  readonly heard: unknown[] = [];

  remote_echo(value: unknown): unknown {
    return value;
  }
  remote_hear(...values: unknown[]): void {
    this.heard.push(...values);
  }
  remote_leave(): void {}
}

async function pair({ server: listening, client: initiating }: { server: BrokerOptions; client?: BrokerOptions }) {
  const link = new AtOnce("listener");
  const server = new Broker(link, listening);
  const client = new Broker(link.other, initiating);
  const root = await client.getRootObject<Service>();
  return { link, server, client, root, [Symbol.asyncDispose]: () => client.close() };
}

describe("a link that delivers within `send`", () => {
  test("may bring the answer before the call has returned", async () => {
    await using ends = await pair({ server: { root: new Service() } });
    expect(await ends.root.callRemote("echo", much)).toHaveLength(much.length);
    expect(await ends.root.callRemote("echo", "and again")).toBe("and again");
  });

  test("may bring the first words of a dialect before it is agreed on", async () => {
    class Eager extends Service {
      override rootObject(connection: Connection): this {
        void connection.drained();
        return this;
      }
    }
    await using ends = await pair({ server: { root: new Eager() } });
    expect(await ends.root.callRemote("echo", "hello")).toBe("hello");
  });

  test("may bring a message while another one is read", async () => {
    const service = new Service();
    await using ends = await pair({ server: { root: service, types } });
    onState = () => {
      ends.root.sendRemote("hear", "what came meanwhile");
      void ends.client.drained();
    };
    await ends.root.callRemote("hear", new Hook(), "what stands behind it");
    await ends.client.idle();
    expect(service.heard).toEqual([expect.any(HookCopy), "what stands behind it", "what came meanwhile"]);
  });

  test("may bring the last words and the end at once", async () => {
    const service = new Service();
    class Leaving extends Service {
      override remote_leave(): void {
        friend.sendRemote("hear", much, "good-bye");
        void ends.server.close();
      }
    }
    const ends = await pair({ server: { root: new Leaving() }, client: { root: service } });
    const friend = await ends.server.getRootObject<Service>();
    const answer = rejection(ends.root.callRemote("leave"));
    void ends.client.drained().catch(() => undefined);
    expect(await answer).toMatchObject({ reason: "lost" });
    expect(service.heard).toEqual([expect.any(Uint8Array), "good-bye"]);
  });
});

test("a link that has nothing to drain, and never says so, is read from when what was written has left", async () => {
  await using ends = await pair({ server: { root: new Service(), limits: { queuedBytes: 1000 } } });
  for (const byte of [1, 2, 3]) {
    const bytes = new Uint8Array(2000).fill(byte);
    expect(await ends.root.with({ timeoutMs: 5000 }).callRemote("echo", bytes)).toEqual(bytes);
  }
});

test("a link that delivers within `resume` does not run a method in the middle of a call", async () => {
  const service = new Service();
  await using ends = await pair({ server: { root: service }, client: { root: new Service() } });
  const back = await ends.server.getRootObject<Service>();
  ends.link.queuedBytes = 2 ** 26; // no more is read, until an answer is wanted
  for (const word of ["this comes before it pauses", "this is held back"]) {
    ends.root.sendRemote("hear", word);
    await ends.client.drained();
  }
  const answer = back.callRemote("echo", "hello");
  expect(service.heard).toEqual([]);
  expect(await answer).toBe("hello");
  expect(service.heard).toHaveLength(2);
});
