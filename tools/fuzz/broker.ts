// Mutated messages to a live broker: whatever a peer says, no promise is left to itself, no call is answered twice, and nothing is left behind.

import { inspect } from "@pb/banana";
import type { Expression } from "@pb/banana";
import { ProtocolError } from "@pb/broker";
import type { Broker, BrokerLimits } from "@pb/broker";
import { brokerAndPeer, settled } from "../../packages/broker/test/support/raw-peer.js";
import type { RawPeer } from "../../packages/broker/test/support/raw-peer.js";
import { idOf, requestOf } from "./expressions.js";
import { Ledger } from "./ledger.js";
import { message, replyTo } from "./messages.js";
import { Random } from "./random.js";
import { Counted, typesOfWorld, World } from "./world.js";

/** More than this for one conversation is called a hang. It takes two milliseconds. */
const HANG_MS = 10_000;

export async function fuzzBroker({ runs, seed }: { runs: number; seed: number }): Promise<Record<string, number>> {
  const random = new Random(seed);
  const outcomes: Record<string, number> = {};
  const stray: unknown[] = [];
  const notice = (error: unknown): void => void stray.push(error);
  process.on("unhandledRejection", notice).on("uncaughtException", notice);
  try {
    for (let run = 0; run < runs; run++) {
      const start = performance.now();
      const conversation = await Conversation.begin(random);
      try {
        await conversation.talk();
        await conversation.check();
        const outcome = await conversation.end();
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
        if (stray.length > 0) throw new Error("Nobody caught this", { cause: stray[0] });
        const spent = performance.now() - start;
        if (spent > HANG_MS) throw new Error(`It took ${spent} ms`);
      } catch (cause) {
        throw new Error(`Seed ${seed}, run ${run}:\n${conversation.transcript()}`, { cause });
      }
    }
  } finally {
    process.off("unhandledRejection", notice).off("uncaughtException", notice);
  }
  return outcomes;
}

/** One connection, from the handshake to the end. */
class Conversation {
  readonly #random: Random;
  readonly #world: World;
  readonly #broker: Broker;
  readonly #peer: RawPeer;
  readonly #limits: Partial<BrokerLimits>;
  /** One that only sends strange values stays connected; one that lies about what it holds does not. */
  readonly #isHonest: boolean;
  readonly #ledger = new Ledger();
  readonly #said: Expression[] = [];
  /** How often each request id was used, and answered. */
  readonly #asked = new Map<string, number>();
  readonly #answered = new Map<string, number>();

  private constructor(
    random: Random,
    world: World,
    ends: { broker: Broker; peer: RawPeer },
    limits: Partial<BrokerLimits>,
  ) {
    this.#random = random;
    this.#world = world;
    this.#broker = ends.broker;
    this.#peer = ends.peer;
    this.#limits = limits;
    this.#isHonest = random.below(3) > 0;
  }

  static async begin(random: Random): Promise<Conversation> {
    const world = new World();
    const role = random.pick(["listener", "initiator"] as const);
    const limits = random.below(4) > 0 ? {} : tight(random);
    const ends = await brokerAndPeer(role, { root: world, types: typesOfWorld(), limits }, { isRecorded: false });
    ends.broker.publish("shelf", new Counted());
    return new Conversation(random, world, ends, limits);
  }

  /** What the peer said. */
  transcript(): string {
    return this.#said.map((expression) => inspect(expression)).join("\n");
  }

  async talk(): Promise<void> {
    const random = this.#random;
    for (let turn = 1 + random.below(30); turn > 0 && this.#broker.isOpen; turn--) {
      const count = 1 + random.below(3);
      await this.#say(Array.from({ length: count }, () => message(random, this.#ledger, this.#isHonest)));
      const heard = this.#listen();
      await this.#say(this.#ledger.farewells());
      for (const each of heard) {
        const reply = random.below(3) > 0 ? replyTo(random, each) : undefined;
        if (reply !== undefined) await this.#say([reply]);
      }
    }
    await settled();
    this.#listen();
  }

  /** Throws when the two ends differ in what happened. */
  async check(): Promise<void> {
    const { isOpen } = this.#broker;
    if (this.#isHonest && !isOpen && this.#limits.references === undefined)
      throw new Error("An honest peer was thrown out", { cause: await this.#broker.closed });
    for (const id of new Set([...this.#asked.keys(), ...this.#answered.keys()])) {
      const [asked = 0, answered = 0] = [this.#asked.get(id), this.#answered.get(id)];
      // A broker with little room may still have calls to read.
      const isWrong = isOpen && this.#limits.callsRunning === undefined ? asked !== answered : asked < answered;
      if (isWrong) throw new Error(`${asked} calls ${id} were answered ${answered} times`);
    }
    if (!this.#isHonest || !isOpen) return;
    const { referencesGiven, cachesGiven, callsRunning } = this.#broker.stats();
    if (callsRunning !== 0) throw new Error(`${callsRunning} calls never ended`);
    const { references, caches } = this.#ledger;
    const known = `${new Set(references).size} references and ${new Set(caches).size} caches`;
    const given = `${referencesGiven} references and ${cachesGiven} caches`;
    if (known !== given) throw new Error(`The peer has ${known}, and the broker counts ${given}`);
  }

  /** Hangs up. Returns how it ended; throws when something is left. */
  async end(): Promise<string> {
    await this.#peer.close();
    const { reason, cause } = await this.#broker.closed;
    await settled();
    for (const stops of this.#world.stock.observers.values())
      if (stops !== 1) throw new Error(`An observer was told ${stops} times that it is over`);
    const { referencesGiven, referencesHeld, cachesGiven, cachesHeld, callsWaiting, callsRunning } =
      this.#broker.stats();
    const left = { referencesGiven, referencesHeld, cachesGiven, cachesHeld, callsWaiting, callsRunning };
    if (Object.values(left).some((number) => number !== 0)) throw new Error(`Left behind: ${JSON.stringify(left)}`);
    if (Object.keys(Object.prototype).length > 0) throw new Error("A prototype was changed");
    return cause instanceof ProtocolError ? `${reason}: ${cause.code}` : reason;
  }

  async #say(messages: readonly Expression[]): Promise<void> {
    if (!this.#broker.isOpen) return;
    for (const each of messages) {
      this.#said.push(each);
      this.#ledger.said(each);
      count(this.#asked, requestOf(each));
    }
    await this.#peer.send(...messages);
  }

  /** What the broker said since the last time. */
  #listen(): Expression[] {
    const heard = this.#peer.takeExpressions();
    for (const each of heard) {
      this.#ledger.heard(each);
      count(this.#answered, idOf(each, ["answer", "error"]));
    }
    return heard;
  }
}

function tight(random: Random): Partial<BrokerLimits> {
  return { references: 1 + random.below(5), callsRunning: 1 + random.below(3), queuedBytes: 1 + random.below(3000) };
}

function count(numbers: Map<string, number>, id: string | undefined): void {
  if (id !== undefined) numbers.set(id, (numbers.get(id) ?? 0) + 1);
}
