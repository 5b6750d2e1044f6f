/**
 * Sends mutated messages to a live broker. Whatever a peer sends, every promise is handled, every call is answered
 * once, and nothing is left when the connection is closed. Every second connection is one of calls about calls.
 */

import { inspect } from "@pb/banana";
import type { Expression } from "@pb/banana";
import { ProtocolError } from "@pb/broker";
import type { Broker, BrokerLimits } from "@pb/broker";
import fc from "fast-check";
import { brokerAndPeer, settled } from "../../packages/broker/test/support/raw-peer.js";
import { callScripts, checkCalls } from "./calls.js";
import { fuzz } from "./fuzz.js";
import type { Fuzzer } from "./fuzz.js";
import { Ledger } from "./ledger.js";
import { messageOf, reply, replyTo, step } from "./messages.js";
import { Counted, typesOfWorld, World } from "./world.js";

const noLimits = fc.constant<Partial<BrokerLimits>>({});
const lowLimits = fc.record({
  references: fc.integer({ min: 1, max: 5 }),
  callsRunning: fc.integer({ min: 1, max: 3 }),
  queuedBytes: fc.integer({ min: 1, max: 3000 }),
});

const scripts = fc.record({
  role: fc.constantFrom("listener", "initiator"),
  limits: fc.oneof({ weight: 3, arbitrary: noLimits }, { weight: 1, arbitrary: lowLimits }),
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

const connections = fc.oneof(fc.record({ values: scripts }), fc.record({ calls: callScripts }));

// A connection takes ten milliseconds.
export const fuzzBroker: Fuzzer = (options) =>
  fuzz(connections, (next) => ("calls" in next ? checkCalls(next.calls) : checkConversation(next.values)), {
    ...options,
    hangMs: 10_000,
  });

async function checkConversation(script: Script): Promise<string> {
  const sent: Expression[] = [];
  try {
    return await converse(script, sent);
  } catch (cause) {
    const transcript = sent.map((expression) => inspect(expression)).join("\n");
    throw new Error(`${String(cause)}\nThe peer sent:\n${transcript}`, { cause });
  }
}

/** One connection, from the handshake to the end. Adds the messages of the peer to `sent`. Returns why it ended. */
async function converse(script: Script, sent: Expression[]): Promise<string> {
  const { role, limits, isHonest, turns } = script;
  const world = new World();
  const options = { root: world, types: typesOfWorld(), limits };
  const { broker, peer } = await brokerAndPeer(role, options, { isRecorded: false });
  broker.publish("shelf", new Counted());
  const ledger = new Ledger();

  const send = async (messages: readonly Expression[]): Promise<void> => {
    if (!broker.isOpen) return;
    for (const message of messages) ledger.sent(message);
    sent.push(...messages);
    await peer.send(...messages);
  };
  /** The messages of the broker since the last call. */
  const receive = (): Expression[] => {
    const messages = peer.takeExpressions();
    for (const message of messages) ledger.received(message);
    return messages;
  };

  for (const { steps, replies } of turns) {
    if (!broker.isOpen) break;
    await send(steps.map((choice) => messageOf(choice, ledger, isHonest)));
    const received = receive();
    await send(ledger.takeUncaches());
    for (const [index, message] of received.entries()) await send(replyTo(message, replies[index % replies.length]!));
  }
  await settled();
  receive();
  await checkCounts(broker, ledger, script);

  await peer.close();
  const { reason, cause } = await broker.closed;
  await settled();
  checkEnd(broker, world);
  return cause instanceof ProtocolError ? `${reason}: ${cause.code}` : reason;
}

/** Throws when the broker closed without a reason, or when both ends count differently. */
async function checkCounts(broker: Broker, ledger: Ledger, { isHonest, limits }: Script): Promise<void> {
  const { isOpen } = broker;
  if (isHonest && !isOpen && limits.references === undefined)
    throw new Error("The broker closed the connection of an honest peer", { cause: await broker.closed });
  for (const [id, missing] of ledger.missingAnswers) {
    // A broker that limits the running calls may not have read all of them yet.
    const isWrong = isOpen && limits.callsRunning === undefined ? missing !== 0 : missing < 0;
    if (isWrong) throw new Error(`Answers to the calls with id ${id}: ${missing} missing (negative: too many)`);
  }
  if (!isHonest || !isOpen) return;
  const { referencesGiven, cachesGiven, callsRunning } = broker.stats();
  if (callsRunning !== 0) throw new Error(`${callsRunning} calls never ended`);
  const [references, caches] = [new Set(ledger.references).size, new Set(ledger.caches).size];
  if (references !== referencesGiven || caches !== cachesGiven)
    throw new Error(
      `The peer has ${references} references and ${caches} caches, the broker counts ${referencesGiven} and ${cachesGiven}`,
    );
}

/** Throws when something is left after the end of the connection. */
function checkEnd(broker: Broker, world: World): void {
  const { observers, stopped } = world.stock;
  if (observers.length > 0) throw new Error(`stoppedObserving was not called for ${observers.length} observers`);
  if (new Set(stopped.map(({ observer }) => observer)).size < stopped.length)
    throw new Error("stoppedObserving was called twice for one observer");
  const { referencesGiven, referencesHeld, cachesGiven, cachesHeld, callsWaiting, callsRunning } = broker.stats();
  const left = { referencesGiven, referencesHeld, cachesGiven, cachesHeld, callsWaiting, callsRunning };
  if (Object.values(left).some((count) => count !== 0)) throw new Error(`Left after the end: ${JSON.stringify(left)}`);
  if (Object.keys(Object.prototype).length > 0) throw new Error("Object.prototype was changed");
}
