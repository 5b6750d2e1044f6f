/**
 * Sends mutated messages to a live broker. Whatever a peer sends, every promise is handled, every call is answered
 * once, and nothing is left when the connection is closed.
 */

import { inspect } from "@pb/banana";
import type { Expression } from "@pb/banana";
import { ProtocolError } from "@pb/broker";
import type { Broker, BrokerLimits } from "@pb/broker";
import fc from "fast-check";
import { brokerAndPeer, settled } from "../../packages/broker/test/support/raw-peer.js";
import type { RawPeer } from "../../packages/broker/test/support/raw-peer.js";
import { idOf, Ledger, requestOf } from "./ledger.js";
import { messageOf, reply, replyTo, step } from "./messages.js";
import { Counted, typesOfWorld, World } from "./world.js";

/** A conversation takes two milliseconds; one that takes longer than this is an error. */
const HANG_MS = 10_000;

const scripts = fc.record({
  role: fc.constantFrom("listener", "initiator"),
  limits: fc.oneof<fc.MaybeWeightedArbitrary<Partial<BrokerLimits>>[]>(
    { weight: 3, arbitrary: fc.constant({}) },
    {
      weight: 1,
      arbitrary: fc.record({
        references: fc.integer({ min: 1, max: 5 }),
        callsRunning: fc.integer({ min: 1, max: 3 }),
        queuedBytes: fc.integer({ min: 1, max: 3000 }),
      }),
    },
  ),
  /** A peer that only sends odd values stays connected. A peer that lies about ids does not. */
  isHonest: fc.constantFrom(true, true, false),
  turns: fc.array(
    fc.record({
      steps: fc.array(step, { minLength: 1, maxLength: 3 }),
      replies: fc.array(reply, { minLength: 1, maxLength: 4 }),
    }),
    { minLength: 1, maxLength: 30, size: "max" },
  ),
});
type Script = typeof scripts extends fc.Arbitrary<infer Value> ? Value : never;

export async function fuzzBroker({ runs, seed }: { runs: number; seed: number }): Promise<Record<string, number>> {
  const outcomes: Record<string, number> = {};
  const unhandled: unknown[] = [];
  const collect = (error: unknown): void => void unhandled.push(error);
  process.on("unhandledRejection", collect).on("uncaughtException", collect);
  const property = fc.asyncProperty(scripts, async (script) => {
    const start = performance.now();
    const conversation = await Conversation.begin(script);
    try {
      await conversation.talk();
      await conversation.check();
      const outcome = await conversation.end();
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      if (unhandled.length > 0) throw new Error("An error was not handled", { cause: unhandled.pop() });
      const spent = performance.now() - start;
      if (spent > HANG_MS) throw new Error(`It took ${spent} ms`);
    } catch (cause) {
      throw new Error(`${String(cause)}\nThe peer sent:\n${conversation.transcript()}`, { cause });
    }
  });
  try {
    await fc.assert(property, { numRuns: runs, seed });
  } finally {
    process.off("unhandledRejection", collect).off("uncaughtException", collect);
  }
  return outcomes;
}

/** One connection, from the handshake to the end. */
class Conversation {
  readonly #script: Script;
  readonly #world: World;
  readonly #broker: Broker;
  readonly #peer: RawPeer;
  readonly #ledger = new Ledger();
  readonly #sent: Expression[] = [];
  /** How often each request id was sent, and answered. */
  readonly #requests = new Map<string, number>();
  readonly #answers = new Map<string, number>();

  private constructor(script: Script, world: World, { broker, peer }: { broker: Broker; peer: RawPeer }) {
    this.#script = script;
    this.#world = world;
    this.#broker = broker;
    this.#peer = peer;
  }

  static async begin(script: Script): Promise<Conversation> {
    const world = new World();
    const { role, limits } = script;
    const ends = await brokerAndPeer(role, { root: world, types: typesOfWorld(), limits }, { isRecorded: false });
    ends.broker.publish("shelf", new Counted());
    return new Conversation(script, world, ends);
  }

  /** The messages of the peer. */
  transcript(): string {
    return this.#sent.map((expression) => inspect(expression)).join("\n");
  }

  async talk(): Promise<void> {
    for (const { steps, replies } of this.#script.turns) {
      if (!this.#broker.isOpen) break;
      await this.#send(steps.map((choice) => messageOf(choice, this.#ledger, this.#script.isHonest)));
      const received = this.#receive();
      await this.#send(this.#ledger.takeUncaches());
      for (const [index, message] of received.entries())
        await this.#send(replyTo(message, replies[index % replies.length]!));
    }
    await settled();
    this.#receive();
  }

  /** Throws when the broker closed without a reason, or when both ends count differently. */
  async check(): Promise<void> {
    const { isOpen } = this.#broker;
    const { isHonest, limits } = this.#script;
    if (isHonest && !isOpen && limits.references === undefined)
      throw new Error("The broker closed the connection of an honest peer", { cause: await this.#broker.closed });
    for (const id of new Set([...this.#requests.keys(), ...this.#answers.keys()])) {
      const [requests = 0, answers = 0] = [this.#requests.get(id), this.#answers.get(id)];
      // A broker that limits the running calls may not have read all of them yet.
      const isWrong = isOpen && limits.callsRunning === undefined ? requests !== answers : requests < answers;
      if (isWrong) throw new Error(`${requests} calls with id ${id} got ${answers} answers`);
    }
    if (!isHonest || !isOpen) return;
    const { referencesGiven, cachesGiven, callsRunning } = this.#broker.stats();
    if (callsRunning !== 0) throw new Error(`${callsRunning} calls never ended`);
    const [references, caches] = [new Set(this.#ledger.references).size, new Set(this.#ledger.caches).size];
    if (references !== referencesGiven || caches !== cachesGiven)
      throw new Error(
        `The peer has ${references} references and ${caches} caches, the broker counts ${referencesGiven} and ${cachesGiven}`,
      );
  }

  /** Closes the connection. Returns the reason of the broker; throws when something is left. */
  async end(): Promise<string> {
    await this.#peer.close();
    const { reason, cause } = await this.#broker.closed;
    await settled();
    for (const stops of this.#world.stock.observers.values())
      if (stops !== 1) throw new Error(`stoppedObserving was called ${stops} times for one observer`);
    const { referencesGiven, referencesHeld, cachesGiven, cachesHeld, callsWaiting, callsRunning } =
      this.#broker.stats();
    const left = { referencesGiven, referencesHeld, cachesGiven, cachesHeld, callsWaiting, callsRunning };
    if (Object.values(left).some((count) => count !== 0))
      throw new Error(`Left after the end: ${JSON.stringify(left)}`);
    if (Object.keys(Object.prototype).length > 0) throw new Error("Object.prototype was changed");
    return cause instanceof ProtocolError ? `${reason}: ${cause.code}` : reason;
  }

  async #send(messages: readonly Expression[]): Promise<void> {
    if (!this.#broker.isOpen) return;
    for (const message of messages) {
      this.#sent.push(message);
      this.#ledger.sent(message);
      increment(this.#requests, requestOf(message));
    }
    await this.#peer.send(...messages);
  }

  /** The messages of the broker since the last call. */
  #receive(): Expression[] {
    const messages = this.#peer.takeExpressions();
    for (const message of messages) {
      this.#ledger.received(message);
      increment(this.#answers, idOf(message, ["answer", "error"]));
    }
    return messages;
  }
}

function increment(counts: Map<string, number>, id: string | undefined): void {
  if (id !== undefined) counts.set(id, (counts.get(id) ?? 0) + 1);
}
