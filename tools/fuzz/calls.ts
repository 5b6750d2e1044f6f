/**
 * Runs scenes of calls about calls in any order over one connection (docs/extension.md). Each call is answered once
 * and as it must be, no method runs twice, and nothing is left.
 */

import { setTimeout } from "node:timers/promises";
import fc from "fast-check";
import type { Broker, BrokerEvent } from "@pb/broker";
import { brokerAndPeer } from "../../packages/broker/test/support/raw-peer.js";
import { Desk } from "./desk.js";
import { callAfterGoodbye, capacity, choice, sceneOf } from "./scenes.js";
import type { Scene } from "./scenes.js";
import { Stage } from "./stage.js";

const ALL = ["goaway", "note", "cancel", "expect"];
const STOCK = "(error $id (twisted.spread.pb.CopyableFailure (dictionary (type twisted.spread.pb.Error))))";
const helloOf = (features: readonly string[]): string =>
  `(answer $id (dictionary ((unicode features) (list ${features.map((name) => `(unicode ${name})`).join(" ")}))))`;

const hello = fc.oneof(
  { weight: 5, arbitrary: fc.constant({ features: ALL, answer: helloOf([...ALL, "more"]) }) },
  { weight: 2, arbitrary: fc.subarray(ALL).map((features) => ({ features, answer: helloOf(features) })) },
  { weight: 1, arbitrary: fc.constantFrom(STOCK, "(answer $id 5)").map((answer) => ({ features: [], answer })) },
);

export const callScripts = fc.record({
  hello,
  delay: fc.nat({ max: 3 }),
  choices: fc.array(choice, { minLength: 1, maxLength: 6 }),
  /** Which scene goes on next, and whether the message is sent in a write of its own. */
  order: fc.array(fc.nat({ max: 99 }), { minLength: 5, maxLength: 30 }),
  fillsTables: fc.nat({ max: 7 }).map((number) => number === 0),
  goodbye: fc.constantFrom("peer", "busy", "broker", "none"),
});
type CallScript = typeof callScripts extends fc.Arbitrary<infer Value> ? Value : never;

/** More than the longest chain of answers that scenes delay. */
const MOST_TURNS = 50;

export async function checkCalls(script: CallScript): Promise<string> {
  const desk = new Desk();
  const events: BrokerEvent[] = [];
  const options = { root: desk, onEvent: (event: BrokerEvent): void => void events.push(event) };
  const { broker, peer } = await brokerAndPeer("listener", options, { isRecorded: false });
  const friend = await broker.getRootObject();
  const stage = new Stage(broker, peer, desk, friend, { ...script.hello, delay: script.delay });
  try {
    await play(stage, script);
    await part(stage, script, events);
  } catch (cause) {
    throw new Error(`${String(cause)}\n${stage.transcript.slice(-60).join("\n")}`, { cause });
  }
  return `calls, goodbye: ${script.goodbye}`;
}

/** Plays all scenes to their end. */
async function play(stage: Stage, { choices, order, fillsTables }: CallScript): Promise<void> {
  let left: Scene[] = choices.map((next) => sceneOf(stage, next));
  for (let step = 0; left.length > 0; step++) {
    const number = order[step % order.length]!;
    const scene = left[number % left.length]!;
    if (scene.next().done === true) left = left.filter((other) => other !== scene);
    if (number > 40) await stage.turn();
    check(stage);
  }
  await turnUntil(stage, () => stage.scheduled === 0 && stage.missing.length === 0);
  if (fillsTables) {
    for (const _pause of capacity(stage)) await stage.turn();
    await turnUntil(stage, () => stage.missing.length === 0);
  }
  const { broker, desk } = stage;
  const { callsWaiting, callsRunning, callsHeld, referencesHeld, extensionsIgnored } = broker.stats();
  const rest = {
    callsWaiting,
    callsRunning,
    callsHeld,
    referencesHeld,
    waiting: desk.waiting.size,
    streams: desk.streams,
  };
  if (Object.values(rest).some((count) => count !== 0)) throw new Error(`Left: ${JSON.stringify(rest)}`);
  if (extensionsIgnored !== stage.ignored)
    throw new Error(`${stage.ignored} messages make no sense, the broker has counted ${extensionsIgnored}`);
  if (stage.canceled !== 0) throw new Error(`The broker canceled ${stage.canceled} calls too many`);
}

/**
 * Plays turns until the condition holds. After each, timers of up to one millisecond have run, however busy the machine
 * is, because Node runs timers of one delay in their order.
 */
async function turnUntil(stage: Stage, condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < MOST_TURNS && !(turn > 0 && condition()); turn++) {
    await stage.turn();
    check(stage);
    if (turn > 2) await setTimeout(1);
  }
  if (!condition()) throw new Error(stage.missing.join("; ") || "The condition does not become true");
}

function check({ problems }: Stage): void {
  if (problems.length > 0) throw new Error(problems.join("; "));
}

function requireOpen({ isOpen }: Broker): void {
  if (!isOpen) throw new Error("The broker closed while a call had not been answered");
}

/** Ends the connection while a call in each direction has not been answered. */
async function part(stage: Stage, { goodbye }: CallScript, events: readonly BrokerEvent[]): Promise<void> {
  const { broker, desk, features } = stage;
  const running = stage.nextId();
  stage.call("root", "wait", running, "(answer", running);
  let answer = (): void => undefined;
  stage.answer("first", running, (call) => (answer = (): void => stage.run(call)));
  stage.watch("the last call", stage.friend.callRemote("first", running, 0), (value, error) =>
    value === 5 || goodbye === "busy" || goodbye === "none" ? undefined : String(error),
  );
  const told: number[] = [];
  broker.notifyOnGoAway((retryAfterMs) => told.push(retryAfterMs));
  await stage.turn();

  if (goodbye === "none") await stage.peer.close();
  else if (goodbye === "busy") stage.tell("goaway", "(dictionary ((unicode busy) (unicode connections)))");
  else if (goodbye === "peer") {
    for (const _time of [1, 2]) stage.tell("goaway", "(dictionary ((unicode retryAfter) 10000))");
    await stage.turn();
  } else {
    const isKnown = features.includes("goaway");
    stage.watch("goAway", broker.goAway({ retryAfterMs: 1500 }), (value) =>
      value === isKnown ? undefined : `returned ${String(value)}`,
    );
    await turnUntil(stage, () => stage.scheduled === 0 && !stage.open.has("goAway"));
    if (stage.goodbyes !== (isKnown ? 1 : 0)) throw new Error(`${stage.goodbyes} goodbyes were sent`);
  }
  const isPolite = goodbye === "peer" || goodbye === "broker";
  if (isPolite) {
    await stage.turn();
    requireOpen(broker);
    stage.call("root", "open", running, "(answer");
    await stage.turn();
    if (goodbye === "peer" || features.includes("goaway")) callAfterGoodbye(stage);
    await stage.turn();
    requireOpen(broker);
    answer();
    await turnUntil(stage, () => stage.missing.length === 0);
    if (goodbye === "broker") await stage.peer.close();
  }
  await turnUntil(stage, () => stage.peer.isClosed && stage.open.size === 0);
  const { reason } = await broker.closed;
  if (reason !== (goodbye === "busy" ? "busy" : "lost")) throw new Error(`The connection ended because of ${reason}`);
  const announced = events.filter(({ kind }) => kind === "going-away").length;
  const expected = goodbye === "peer" ? 1 : 0;
  if (announced !== expected || told.length !== expected || (told[0] ?? 10_000_000) !== 10_000_000)
    throw new Error(`${announced} goodbyes, and the callbacks ${String(told)}`);
  if (desk.waiting.size > 0) throw new Error("The signal of a call did not abort when the connection ended");
}
