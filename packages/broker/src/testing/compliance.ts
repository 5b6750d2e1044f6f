// What a broker relies on in any link: checks that every transport runs, whatever its test runner.

import { Broker } from "../broker.js";
import { Root } from "../flavors/referenceable.js";
import type { Link } from "../link/link.js";

/** Two ends of one connection, which nobody has started yet. */
export interface LinkEnds {
  readonly listener: Link;
  readonly initiator: Link;
}

/** One check. Rejects with a sentence when the link does not do what its name says. */
export interface LinkCheck {
  readonly name: string;
  readonly run: (join: () => LinkEnds | Promise<LinkEnds>) => Promise<void>;
}

/** Bytes that no buffer on the way swallows at once. */
const MUCH = 8 * 1024 * 1024;
/** Long enough for what should not happen to happen. */
const MOMENT_MS = 50;
/** Long enough for what should happen, on a busy machine. */
const PATIENCE_MS = 15_000;

/** Run each with a function that makes a fresh pair: `for (const { name, run } of linkCompliance) test(name, () => run(pair))`. */
export const linkCompliance: readonly LinkCheck[] = [
  check("says which end it is, and who is at the other", async ({ listener, initiator }) => {
    equal(listener.role, "listener", "the role of the listener");
    equal(initiator.role, "initiator", "the role of the initiator");
    for (const { peer } of [listener, initiator]) {
      equal(typeof peer.description, "string", "the type of the description");
      equal(peer.description === "", false, "an empty description");
      equal(typeof peer.isEncrypted, "boolean", "the type of isEncrypted");
    }
  }),

  check("delivers what is sent, in order, both ways", async ({ listener, initiator }) => {
    const [one, other] = [new Witness(listener), new Witness(initiator)];
    for (let start = 0; start < 1000; start += 100) {
      listener.send(pattern(100, start));
      initiator.send(pattern(100, start));
    }
    await Promise.all([one.bytes(1000), other.bytes(1000)]);
    isPattern(one.received());
    isPattern(other.received());
  }),

  check("delivers megabytes whole", async ({ listener, initiator }) => {
    const witness = new Witness(initiator);
    new Witness(listener);
    listener.send(pattern(MUCH));
    await witness.bytes(MUCH);
    isPattern(witness.received());
  }),

  check("keeps what arrives before it is started", async ({ listener, initiator }) => {
    new Witness(listener);
    listener.send(pattern(100));
    await moment();
    const witness = new Witness(initiator);
    await witness.bytes(100);
    isPattern(witness.received());
  }),

  check("counts what waits and says when it has left", async ({ listener, initiator }) => {
    const one = new Witness(listener);
    const other = new Witness(initiator);
    initiator.pause();
    equal(listener.queuedBytes, 0, "queuedBytes before anything was sent");
    listener.send(pattern(MUCH));
    await moment();
    equal(listener.queuedBytes > 0, true, "queuedBytes above 0 while the peer does not read");
    equal(one.drains, 0, "drained calls while bytes wait");
    initiator.resume();
    await other.bytes(MUCH);
    await until(() => one.drains > 0 && listener.queuedBytes === 0, "drained is called and queuedBytes is 0");
  }),

  check("delivers nothing while it is paused", async ({ listener, initiator }) => {
    new Witness(listener);
    const witness = new Witness(initiator);
    initiator.pause();
    listener.send(pattern(100));
    await moment();
    // What was on its way when it was told may still come; nothing was.
    equal(witness.length, 0, "bytes delivered while paused");
    initiator.resume();
    await witness.bytes(100);
    isPattern(witness.received());
  }),

  check("sends what is queued when it is closed, and tells both ends once", async ({ listener, initiator }) => {
    const [one, other] = [new Witness(listener), new Witness(initiator)];
    listener.send(pattern(MUCH));
    listener.close();
    listener.close();
    await Promise.all([one.over(), other.over()]);
    equal(other.length, MUCH, "bytes delivered before the end");
    isPattern(other.received());
    await moment();
    equal(one.ends + other.ends, 2, "lost calls at both ends");
    equal(other.cause, undefined, "the cause of an orderly end");
  }),

  check("can be closed by both ends at once", async ({ listener, initiator }) => {
    const [one, other] = [new Witness(listener), new Witness(initiator)];
    listener.close();
    initiator.close();
    await Promise.all([one.over(), other.over()]);
    await moment();
    equal(one.ends + other.ends, 2, "lost calls at both ends");
  }),

  check(
    "throws away what is queued when it is destroyed, and tells both ends once",
    async ({ listener, initiator }) => {
      const [one, other] = [new Witness(listener), new Witness(initiator)];
      initiator.pause();
      listener.send(pattern(MUCH));
      listener.destroy();
      listener.destroy();
      await one.over();
      initiator.resume();
      await other.over();
      equal(other.length < MUCH, true, "the rest was thrown away");
      await moment();
      equal(one.ends + other.ends, 2, "lost calls at both ends");
    },
  ),

  check("takes anything after its end, and does nothing", async ({ listener, initiator }) => {
    const [one, other] = [new Witness(listener), new Witness(initiator)];
    listener.close();
    await Promise.all([one.over(), other.over()]);
    for (const link of [listener, initiator]) {
      link.send(pattern(10));
      link.pause();
      link.resume();
      link.close();
      link.destroy();
    }
    await moment();
    equal(one.ends + other.ends, 2, "lost calls at both ends");
    equal(one.length + other.length, 0, "bytes delivered");
  }),

  check("carries a conversation of brokers", async ({ listener, initiator }) => {
    const server = new Broker(listener, { root: new Echo() });
    const client = new Broker(initiator);
    const root = await within(client.getRootObject<Echo>(), "a root object");
    const sent = Array.from({ length: 200 }, (_, index) => `${index} ${"x".repeat(index * 10)}`);
    const answers = await within(Promise.all(sent.map((text) => root.callRemote("echo", text))), "200 answers");
    equal(answers.join(), sent.join(), "the answers");
    await within(client.close(), "the end of the client");
    equal((await within(server.closed, "the end of the server")).reason, "lost", "how the server saw the end");
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

/** Remembers what a link tells. */
class Witness {
  readonly #chunks: Uint8Array[] = [];
  /** Bytes received. */
  length = 0;
  /** How often the link said that it is drained, and that it is over. */
  drains = 0;
  ends = 0;
  cause: Error | undefined;

  constructor(link: Link) {
    link.start({
      received: (bytes) => {
        this.#chunks.push(bytes.slice());
        this.length += bytes.length;
      },
      drained: () => {
        this.drains++;
      },
      lost: (cause) => {
        this.ends++;
        this.cause = cause;
      },
    });
  }

  /** Everything received, in one piece. */
  received(): Uint8Array {
    const all = new Uint8Array(this.length);
    let position = 0;
    for (const chunk of this.#chunks) {
      all.set(chunk, position);
      position += chunk.length;
    }
    return all;
  }

  /** Resolves when that many bytes are there. */
  bytes(count: number): Promise<void> {
    return until(() => this.length >= count, `${count} bytes arrive`);
  }

  over(): Promise<void> {
    return until(() => this.ends > 0, "the end of the link is told");
  }
}

/** Bytes whose order shows: a period that divides no power of two. */
function pattern(length: number, start = 0): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index++) bytes[index] = (start + index) % 251;
  return bytes;
}

function isPattern(bytes: Uint8Array): void {
  const wrong = bytes.findIndex((byte, index) => byte !== index % 251);
  if (wrong >= 0) throw new Error(`Byte ${wrong} of ${bytes.length} is not the one that was sent`);
}

function equal(actual: unknown, expected: unknown, what: string): void {
  if (actual !== expected) throw new Error(`Expected ${what} to be ${String(expected)}, not ${String(actual)}`);
}

function moment(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, MOMENT_MS));
}

async function until(isSo: () => boolean, what: string): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!isSo()) {
    if (performance.now() > end) throw new Error(`Waited ${PATIENCE_MS} ms in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Waited ${PATIENCE_MS} ms in vain for ${what}`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
