// The compliance checks for links: what a broker requires of every transport. They work with any test runner.

import { Broker } from "../broker.js";
import { withDeadline } from "../deadline.js";
import { Root } from "../flavors/referenceable.js";
import type { Link } from "../link/link.js";

/** The two ends of one connection. Neither has been started. */
export interface LinkEnds {
  readonly listener: Link;
  readonly initiator: Link;
}

/** One compliance check. `run` rejects with an error that describes the failure. */
export interface LinkCheck {
  readonly name: string;
  readonly run: (join: () => LinkEnds | Promise<LinkEnds>) => Promise<void>;
}

/** More bytes than the buffers of a transport hold. */
const LARGE = 8 * 1024 * 1024;
const PIECE = 64 * 1024;
/** How long to wait before concluding that an event does not happen. */
const QUIET_MS = 50;
/** How long to wait for an event. Only ends a hang, so it is long enough for a busy machine. */
const GIVE_UP_MS = 60_000;

/**
 * The checks. Run each of them with a function that creates a new pair of ends:
 *
 * `for (const { name, run } of linkCompliance) test(name, () => run(createPair))`.
 */
export const linkCompliance: readonly LinkCheck[] = [
  check("reports its role and its peer", async ({ listener, initiator }) => {
    expectEqual(listener.role, "listener", "the role of the listener");
    expectEqual(initiator.role, "initiator", "the role of the initiator");
    for (const { peer } of [listener, initiator]) {
      expectEqual(typeof peer.description, "string", "the type of the description");
      expectEqual(peer.description === "", false, "an empty description");
      expectEqual(typeof peer.isEncrypted, "boolean", "the type of isEncrypted");
    }
  }),

  check("delivers bytes in order in both directions", async ({ listener, initiator }) => {
    const [one, other] = [new Recorder(listener), new Recorder(initiator)];
    for (let start = 0; start < 1000; start += 100) {
      listener.send(pattern(100, start));
      initiator.send(pattern(100, start));
    }
    await Promise.all([one.waitForBytes(1000), other.waitForBytes(1000)]);
    expectPattern(one.received());
    expectPattern(other.received());
  }),

  check("has passed on the bytes of a view that it releases", async ({ listener, initiator }) => {
    if (listener.takesViews !== true || listener.releasesViews !== true) return;
    const recorder = new Recorder(initiator);
    new Recorder(listener);
    initiator.pause(); // Until much is queued.
    for (let start = 0; start < LARGE; start += PIECE) {
      const bytes = pattern(PIECE, start);
      listener.send(bytes);
      if (listener.queuedBytes === 0) bytes.fill(0);
    }
    initiator.resume();
    await recorder.waitForBytes(LARGE);
    expectPattern(recorder.received());
  }),

  check("delivers megabytes completely", async ({ listener, initiator }) => {
    const recorder = new Recorder(initiator);
    new Recorder(listener);
    listener.send(pattern(LARGE));
    await recorder.waitForBytes(LARGE);
    expectPattern(recorder.received());
  }),

  check("keeps bytes that arrive before start until it is started", async ({ listener, initiator }) => {
    new Recorder(listener);
    listener.send(pattern(100));
    await quietTime();
    const recorder = new Recorder(initiator);
    await recorder.waitForBytes(100);
    expectPattern(recorder.received());
  }),

  check("counts queued bytes and calls drained when they have been sent", async ({ listener, initiator }) => {
    const one = new Recorder(listener);
    const other = new Recorder(initiator);
    initiator.pause();
    expectEqual(listener.queuedBytes, 0, "queuedBytes before anything was sent");
    listener.send(pattern(LARGE));
    await quietTime();
    expectEqual(listener.queuedBytes > 0, true, "queuedBytes above 0 while the peer does not read");
    expectEqual(one.drainedCalls, 0, "calls of drained while bytes are queued");
    initiator.resume();
    await other.waitForBytes(LARGE);
    await until(() => one.drainedCalls > 0 && listener.queuedBytes === 0, "drained is called and queuedBytes is 0");
  }),

  check("delivers nothing while it is paused", async ({ listener, initiator }) => {
    new Recorder(listener);
    const recorder = new Recorder(initiator);
    initiator.pause();
    listener.send(pattern(100));
    await quietTime();
    // A link may deliver bytes that were in flight when it was paused. Here none were.
    expectEqual(recorder.length, 0, "bytes delivered while paused");
    initiator.resume();
    await recorder.waitForBytes(100);
    expectPattern(recorder.received());
  }),

  check("sends queued bytes before it closes and calls lost once at each end", async ({ listener, initiator }) => {
    const [one, other] = [new Recorder(listener), new Recorder(initiator)];
    listener.send(pattern(LARGE));
    listener.close();
    listener.close();
    await Promise.all([one.ended(), other.ended()]);
    expectEqual(other.length, LARGE, "bytes delivered before the link closed");
    expectPattern(other.received());
    await quietTime();
    expectEqual(one.lostCalls + other.lostCalls, 2, "calls of lost at both ends");
    expectEqual(other.cause, undefined, "the cause passed to lost");
  }),

  check("can be closed by both ends at the same time", async ({ listener, initiator }) => {
    const [one, other] = [new Recorder(listener), new Recorder(initiator)];
    listener.close();
    initiator.close();
    await Promise.all([one.ended(), other.ended()]);
    await quietTime();
    expectEqual(one.lostCalls + other.lostCalls, 2, "calls of lost at both ends");
  }),

  check(
    "discards queued bytes when it is destroyed and calls lost once at each end",
    async ({ listener, initiator }) => {
      const [one, other] = [new Recorder(listener), new Recorder(initiator)];
      initiator.pause();
      listener.send(pattern(LARGE));
      listener.destroy();
      listener.destroy();
      await one.ended();
      initiator.resume();
      await other.ended();
      expectEqual(other.length < LARGE, true, "fewer bytes delivered than sent");
      await quietTime();
      expectEqual(one.lostCalls + other.lostCalls, 2, "calls of lost at both ends");
    },
  ),

  check("ignores every call after it has ended", async ({ listener, initiator }) => {
    const [one, other] = [new Recorder(listener), new Recorder(initiator)];
    listener.close();
    await Promise.all([one.ended(), other.ended()]);
    for (const link of [listener, initiator]) {
      link.send(pattern(10));
      link.pause();
      link.resume();
      link.close();
      link.destroy();
    }
    await quietTime();
    expectEqual(one.lostCalls + other.lostCalls, 2, "calls of lost at both ends");
    expectEqual(one.length + other.length, 0, "bytes delivered");
  }),

  check("carries 200 calls between two brokers", async ({ listener, initiator }) => {
    const server = new Broker(listener, { root: new Echo() });
    const client = new Broker(initiator);
    const root = await within(client.getRootObject<Echo>(), "a root object");
    const sent = Array.from({ length: 200 }, (_, index) => `${index} ${"x".repeat(index * 10)}`);
    const answers = await within(Promise.all(sent.map((text) => root.callRemote("echo", text))), "200 answers");
    expectEqual(answers.join(), sent.join(), "the answers");
    await within(client.close(), "the client to close");
    expectEqual((await within(server.closed, "the server to close")).reason, "lost", "the close reason of the server");
  }),
];

class Echo extends Root {
  remote_echo(text: string): string {
    return text;
  }
}

function check(name: string, body: (ends: LinkEnds) => Promise<void>): LinkCheck {
  return {
    name,
    async run(join) {
      const ends = await join();
      try {
        await body(ends);
      } finally {
        ends.listener.destroy();
        ends.initiator.destroy();
      }
    },
  };
}

/** Records the callbacks of a link. */
class Recorder {
  readonly #chunks: Uint8Array[] = [];
  /** The number of bytes received. */
  length = 0;
  /** How many times `drained` and `lost` were called. */
  drainedCalls = 0;
  lostCalls = 0;
  cause: Error | undefined;

  constructor(link: Link) {
    link.start({
      received: (bytes) => {
        this.#chunks.push(bytes.slice());
        this.length += bytes.length;
      },
      drained: () => {
        this.drainedCalls++;
      },
      lost: (cause) => {
        this.lostCalls++;
        this.cause = cause;
      },
    });
  }

  /** All bytes received, concatenated. */
  received(): Uint8Array {
    const all = new Uint8Array(this.length);
    let position = 0;
    for (const chunk of this.#chunks) {
      all.set(chunk, position);
      position += chunk.length;
    }
    return all;
  }

  /** Resolves when `count` bytes have been received. */
  waitForBytes(count: number): Promise<void> {
    return until(() => this.length >= count, `${count} bytes arrive`);
  }

  /** Resolves when the link has called `lost`. */
  ended(): Promise<void> {
    return until(() => this.lostCalls > 0, "lost is called");
  }
}

/**
 * Bytes that repeat with a period of 251, which divides no power of two, so that swapped or missing chunks are found.
 */
function pattern(length: number, start = 0): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index++) bytes[index] = (start + index) % 251;
  return bytes;
}

function expectPattern(bytes: Uint8Array): void {
  const wrong = bytes.findIndex((byte, index) => byte !== index % 251);
  if (wrong >= 0) throw new Error(`Byte ${wrong} of ${bytes.length} differs from the byte that was sent`);
}

function expectEqual(actual: unknown, expected: unknown, what: string): void {
  if (actual !== expected) throw new Error(`Expected ${what} to be ${String(expected)}, not ${String(actual)}`);
}

function quietTime(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, QUIET_MS));
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const end = performance.now() + GIVE_UP_MS;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`Waited ${GIVE_UP_MS} ms until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

function within<T>(promise: Promise<T>, what: string): Promise<T> {
  const giveUp = (timeoutMs: number): Error => new Error(`Waited ${timeoutMs} ms for ${what}`);
  return withDeadline({ timeoutMs: GIVE_UP_MS }, giveUp, () => promise);
}
