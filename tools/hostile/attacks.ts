/** The attacks by messages: what each sends, and which bounds its costs must keep. */

import { setTimeout as sleep } from "node:timers/promises";
import { costly, heavy } from "./contents.js";
import { features } from "./features.js";
import type { Victim } from "./harness.js";
import { lies } from "./lies.js";
import { logins } from "./logins.js";
import { frames } from "./frames.js";
import { scenarios } from "./scenarios.js";
import type { Over } from "./transports.js";
import type { Role } from "./victim.js";
import { call, filled, list, listOf, text } from "./wire.js";
import type { RawPeer } from "./wire.js";

export interface Attack {
  readonly name: string;
  readonly victim: Role;
  /** How it reaches the victim. Default: each of two attacks in its own way. */
  readonly over?: Over;
  /** Runs the attack. Rejects with an `AssertionError` that says what it achieved. */
  readonly run: (victim: Victim) => Promise<void>;
  /** The same with ordinary content. The attack may cost at most 3 times the processor time of it. */
  readonly ordinary?: (victim: Victim) => Promise<void>;
  /** How many MiB the process may grow. Default 256: half of the heap of a victim. */
  readonly growthMiB?: number;
  /**
   * Whether the process may grow by the limit of all connections and what a server grows by that drops the same bytes,
   * without `@pb`, if that is more than the default.
   */
  readonly besidesPlain?: boolean;
  /** The longest turn of the event loop, in milliseconds of processor time. Default 60. */
  readonly sliceMs?: number;
  /** Whether it is part of the short form, which runs in CI. */
  readonly isShort?: boolean;
}

const MIB = 2 ** 20;
/** The largest message (`messageBytes`), less room for its frame, and a tenth of it for the short form. */
const sizes = { large: 63 * MIB, small: 6 * MIB };

const empty = heavy["empty byte strings"]!;
const dict = list("dictionary");
const fill = (bytes: number): Uint8Array => filled(empty, bytes);
/** Messages that are heavy in another place than their argument. */
const places: Readonly<Record<string, (bytes: number) => Uint8Array>> = {
  "request id": (bytes) => list("message", fill(bytes), "root", "echo", 1, list("tuple"), dict),
  "object id": (bytes) => list("message", 1, fill(bytes), "echo", 1, list("tuple"), dict),
  "wish for an answer": (bytes) => list("message", 1, "root", "echo", fill(bytes), list("tuple"), dict),
  "keyword argument": (bytes) => call(1, "echo", list("dictionary", list(text("a"), fill(bytes)))),
  "argument that cannot be read": (bytes) => call(list("list", fill(bytes), list("no"))),
  "argument of an unknown object": (bytes) => list("message", 1, "no", "x", 1, list("tuple", fill(bytes)), dict),
  "id of an answer": (bytes) => list("answer", fill(bytes), 1),
  "value of an error": (bytes) => list("error", 1, fill(bytes)),
  "id to release": (bytes) => list("decref", fill(bytes)),
  command: (bytes) => list(fill(bytes), 1),
  "argument of an unknown command": (bytes) => list("no", fill(bytes)),
};

const range = <T>(count: number, item: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => item(index));
const sent = (message: (bytes: number) => Uint8Array) => async (target: Victim) =>
  target.send(await target.attacker(), message(sizes.small));

/** A call with 20,000 keyword arguments. */
const sendKwargs = async (target: Victim, name: (index: number) => string): Promise<void> => {
  const kwargs = listOf(["dictionary", ...range(20_000, (index) => list(text(name(index)), 1))]);
  await target.send(await target.attacker(), call(1, "echo", kwargs));
};

/** Sends `bytes` on several new connections, and waits until the victim has read them or ended the connections. */
async function leave(target: Victim, connections: number, bytes: Uint8Array, role?: "initiator"): Promise<void> {
  const peers: RawPeer[] = [];
  for (let left = connections; left > 0; left--) {
    const peer = await target.peer(role);
    peers.push(peer);
    target.sent += bytes.length;
    await peer.write(bytes);
  }
  const isDone = async (): Promise<boolean> => {
    const expected = bytes.length * peers.filter(({ isOpen }) => isOpen).length;
    return ((await target.usage())?.received ?? Infinity) >= expected;
  };
  for (let left = 100; left > 0 && !(await isDone()); left--) await sleep(100); // It may have stopped reading.
}

const byMessage = (["root", "client"] as const).flatMap((victim): Attack[] => [
  ...Object.entries(costly).map(([name, { hostile, ordinary }], index) => ({
    name,
    victim,
    isShort: index % 4 === (victim === "root" ? 0 : 2),
    run: (target: Victim) => target.sendValue(hostile()),
    ordinary: (target: Victim) => target.sendValue(ordinary()),
  })),
  ...Object.entries(sizes).flatMap(([size, bytes]) =>
    Object.entries(heavy).map(([name, element], index) => ({
      name: `${name}, ${size}`,
      victim,
      isShort: victim === "root" && size === "small" && index % 8 === 0,
      run: (target: Victim) => target.sendValue(filled(element, bytes)),
    })),
  ),
  ...Object.entries(places).map(([place, message], index) => ({
    name: `empty byte strings as ${place}`,
    victim,
    isShort: victim === "client" && index % 4 === 0,
    run: sent(message),
  })),
  {
    name: "remote objects that are not read",
    victim,
    run: sent((bytes) => call(list("list", filled(list("remote", 5), bytes), list("no")))),
  },
  {
    name: "different remote objects that are not read",
    victim,
    run: sent(() => call(list("list", list("no"), ...range(100_000, (id) => list("remote", id))))),
  },
  {
    name: "keyword arguments that are indices",
    victim,
    run: (target: Victim) => sendKwargs(target, (index) => `${4_000_000 - 199 * index}`),
    ordinary: (target: Victim) => sendKwargs(target, (index) => `k${1_000_000 + index}`),
  },
  {
    name: "a flood of small calls",
    victim,
    isShort: true,
    run: sent((bytes) => Buffer.concat(range(bytes / 20, (id) => call(1, "echo", dict, id + 1000)))),
  },
]);

const byStrangers = (["root", "portal"] as const).flatMap((victim): Attack[] => [
  {
    name: "empty byte strings before the negotiation",
    victim,
    growthMiB: 64,
    isShort: true,
    run: (target) => leave(target, 1, filled(empty, sizes.small, empty)),
  },
  {
    name: "unfinished messages before the negotiation",
    victim,
    growthMiB: 64,
    run: (target) => leave(target, 6, filled(empty, sizes.large, empty).subarray(0, -2)),
  },
  {
    name: "unfinished messages",
    victim,
    ...(victim === "portal" ? { growthMiB: 64 } : { besidesPlain: true }),
    run: (target) => leave(target, 6, filled(empty, sizes.large).subarray(0, -2), "initiator"),
  },
  {
    name: "unfinished lists in lists",
    victim,
    ...(victim === "portal" ? { growthMiB: 64 } : { besidesPlain: true }),
    run: (target) => leave(target, 6, filled(heavy["lists in lists"]!, sizes.large).subarray(0, -2), "initiator"),
  },
  {
    name: "unfinished strings on 200 connections",
    victim,
    ...(victim === "portal" ? { growthMiB: 64 } : { besidesPlain: true }),
    sliceMs: 300,
    run: (target) => leave(target, 200, call("x".repeat(600_000)).subarray(0, -200), "initiator"),
  },
]);

const tooLarge: Attack = {
  name: "an unfinished message over the limit",
  victim: "root",
  run: (target) => leave(target, 1, filled(list("list"), 4 * sizes.large).subarray(0, -2), "initiator"),
};

/** A message that has been read must not keep the buffer of the connection, whose next message has a few bytes. */
const begun: Attack = {
  name: "messages of 20 MB, each with the start of another one, on 16 connections",
  victim: "root",
  besidesPlain: true,
  run: (target) => leave(target, 16, Buffer.concat([call(fill(20 * MIB)), call(1).subarray(0, -2)]), "initiator"),
};

/** Elements whose values take most memory for their bytes. */
const heaviest = ["empty dicts", "dicts with an integer key", "sets of one", "lists of one", "remote objects"];

/** Ten connections at once, and again, because the calls of connections that have ended go on. */
const unfinishedCalls = heaviest.map((name, index): Attack => ({
  name: `calls with ${name} that do not finish, on ten connections, twice`,
  victim: "root",
  growthMiB: 480,
  sliceMs: 300,
  isShort: index === 0,
  run: async (target) => {
    const message = call(filled(heavy[name]!, sizes.small), "never");
    for (let round = 0; round < 2; round++) {
      const peers = await Promise.all(range(10, () => target.attacker()));
      await Promise.all(peers.map((peer) => target.send(peer, message)));
      for (const peer of peers) peer.destroy();
    }
  },
}));

/** Logs in without a name, and then sends what a stranger must not. */
const byGuests = ["unfinished messages", ...heaviest.slice(0, 2)].map((name): Attack => ({
  name: `${name} after an anonymous login, on six connections`,
  victim: "guests",
  growthMiB: 160, // The budget of all strangers, and a message that is too large.
  sliceMs: 300,
  run: async (target) => {
    const value = filled(heavy[name] ?? empty, sizes.large);
    const bytes = name in heavy ? call(value, "no") : value.subarray(0, -2);
    await Promise.all(
      range(6, async () => {
        const peer = await target.attacker();
        await peer.ask(list("message", 1, "root", "loginAnonymous", 1, list("tuple", list("None")), dict));
        target.sent += bytes.length;
        await Promise.race([peer.write(bytes), sleep(20_000, undefined, { ref: false })]);
      }),
    );
    await target.usageAtRest();
  },
}));

const decimalTexts: Attack = {
  name: "text that is no decimal",
  victim: "root",
  isShort: true,
  run: (target) => parse(target, `${" ".repeat(600_000)}x`),
  ordinary: (target) => parse(target, "1".repeat(600_001)),
};
const parse = async (target: Victim, value: string): Promise<void> =>
  target.send(await target.attacker(), call(text(value), "parse"));

const everywhere: readonly Attack[] = [
  ...byMessage,
  ...byStrangers,
  tooLarge,
  begun,
  ...unfinishedCalls,
  ...byGuests,
  decimalTexts,
  ...scenarios,
  ...logins,
  ...lies,
  ...features,
  ...frames,
];

/** Those of the short form that also run over WebSockets there. */
const shortOverWeb: readonly string[] = [
  "root: set of integers",
  "root: a flood of small calls",
  "portal: empty byte strings before the negotiation",
  "portal: 250 idle sockets from each of two addresses",
  "root: answers that are not read while the server drains",
  "client: pages that are not consumed",
];

/** An attack over one transport. */
export type SingleAttack = Attack & { readonly over: Over };

export const attacks: readonly SingleAttack[] = (["tcp", "web"] as const).flatMap((over) =>
  everywhere
    .filter((attack) => attack.over === undefined || attack.over === over)
    .map((attack) => {
      const isShort =
        attack.over !== undefined || over === "tcp" || shortOverWeb.includes(nameOf({ ...attack, over: "tcp" }));
      return { ...attack, over, isShort: isShort && attack.isShort === true };
    }),
);

export function nameOf({ over, victim, name }: SingleAttack): string {
  return `${over === "web" ? "web " : ""}${victim}: ${name}`;
}
