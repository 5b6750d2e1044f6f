/** Attacks on live state, streams, and calls that run once: on servers, and by malicious servers on clients. */

import { encode } from "@pb/banana";
import { strict as assert } from "node:assert";
import type { Attack } from "./attacks.js";
import type { Victim } from "./harness.js";
import { within } from "./harness.js";
import { argument, none } from "./scenarios.js";
import { call, list, listOf, text } from "./wire.js";
import type { Part, RawPeer } from "./wire.js";

const entry = (key: string, value: Part): Uint8Array => list(text(key), value);
const dict = (...entries: readonly Uint8Array[]): Uint8Array => listOf(["dictionary", ...entries]);
const listing = (count: number, item: (index: number) => Part): Uint8Array =>
  listOf(["list", ...Array.from({ length: count }, (_, index) => item(index))]);
const repeat = (count: number, message: (index: number) => Uint8Array): Uint8Array =>
  Buffer.concat(Array.from({ length: count }, (_, index) => message(index)));

const VIEW = 7;
const step = (path: string, ...values: readonly Part[]): Uint8Array => list("list", text(path), ...values);
const patchOf = (revision: number, operations: Uint8Array, since = revision - 1): Uint8Array =>
  list("cachemessage", 9, VIEW, "patch", 0, argument(revision, operations, since), none);
const patch = (revision: number, ...steps: readonly Uint8Array[]): Uint8Array =>
  patchOf(revision, listOf(["list", ...steps]));

/** What a board contains whose patches are applied again and again. */
const BOARD = {
  items: 100_000,
  state: dict(
    entry("title", text("x")),
    entry(
      "items",
      listing(100_000, (i) => i),
    ),
  ),
};
/** The first item of the list is replaced, in two ways. */
const moving = [step("/items", 0, 1, list("list")), step("/items", 0, 0, list("list", 7))];
const setting = [step("/items/0", 7), step("/items/1", 7), step("/items/2", 7)];
const whole = step("", dict(entry("title", text("x"))));

/** A client with a view, and many listeners of it. The patches must not reach what the view does not own. */
function patches(
  name: string,
  hostile: () => Uint8Array,
  options: Partial<Attack> & { state?: Uint8Array; ordinaryPatches?: () => Uint8Array } = {},
): Attack {
  const { state = BOARD.state, ordinaryPatches, ...others } = options;
  const sending = (bytes: () => Uint8Array) => async (target: Victim) => {
    const peer = await target.attacker("live");
    await peer.write(
      list("answer", peer.called![1] as number, list("pb.Live", VIEW, dict(entry("rev", 0), entry("state", state)))),
    );
    await within(60_000, target.send(peer, bytes()));
    await target.usageAtRest();
    peer.destroy();
    assert.doesNotMatch(target.log, /polluted/, "a patch has changed the prototype of all objects");
  };
  return {
    name: `patches ${name}`,
    victim: "client",
    growthMiB: 128,
    run: sending(hostile),
    ...(ordinaryPatches === undefined ? {} : { ordinary: sending(ordinaryPatches) }),
    ...others,
  };
}

const pollution = ["/__proto__/polluted", "/constructor/prototype/polluted", "/items/__proto__/polluted"];

/** An integer of a packed patch. */
const varint = (value: number): number[] =>
  value < 128 ? [value] : [128 + (value % 128), ...varint(Math.floor(value / 128))];

/** A packed patch that sets `/title` to a list of so many empty dicts, of two bytes each. */
function packedDicts(revision: number, count: number): Uint8Array {
  const head = [...varint(revision - 1), 3, 2, 6, ...Buffer.from("/title"), 7, ...varint(count)];
  const dicts = Buffer.alloc(2 * count, new Uint8Array([8, 0]));
  return list("cachemessage", 9, VIEW, "p", 0, argument(encode(Buffer.concat([Buffer.from(head), dicts]))), none);
}

const onViews: readonly Attack[] = [
  patches(
    "with paths of 600 kB",
    () =>
      repeat(40, (index) =>
        index % 2 === 0 ? patch(index + 1, step("/a".repeat(300_000), 1)) : patch(index + 1, whole),
      ),
    { isShort: true },
  ),
  patches(
    "with paths of 600 kB of escapes",
    () => repeat(40, (index) => patch(index + 1, index % 2 === 0 ? step(`/${"~0".repeat(300_000)}`, 1) : whole)),
    { sliceMs: 300 }, // 8 ms for each path; many arrive in one turn.
  ),
  patches("that move all items of a list", () => repeat(500, (index) => patch(index + 1, ...moving)), {
    isShort: true,
    sliceMs: 300,
    ordinaryPatches: () => repeat(500, (index) => patch(index + 1, ...setting)),
  }),
  patches(
    "of 300,000 steps",
    () =>
      patchOf(
        1,
        listing(300_000, (index) => step(`/items/${index % BOARD.items}`, index)),
      ),
    { sliceMs: 1000 }, // A patch is applied at once: about a microsecond for each step.
  ),
  // One of 600 kB would become 58 MB. The view refuses it, and then still reads the others.
  patches(
    "that are packed, and consist of empty dicts",
    () => repeat(80, (index) => packedDicts(index + 1, index % 4 === 3 ? 300_000 : 30_000)),
    // A patch is applied at once. Three of these arrive in one turn.
    { state: dict(entry("title", text("x"))), sliceMs: 300 },
  ),
  patches("after gaps", () => repeat(100_000, (index) => patch(index * 2 + 5, step("/title", text("y"))))),
  patches("of unknown views", () =>
    repeat(100_000, (id) => list("cachemessage", 9, id + 100, "patch", 0, argument(1, list("list"), 0), none)),
  ),
  patches(
    "that lead to prototypes",
    () =>
      repeat(3000, (index) => patch(index + 1, index % 2 === 0 ? step(pollution[(index / 2) % 3]!, text("x")) : whole)),
    { isShort: true },
  ),
  patches("that have an own key __proto__", () =>
    repeat(2000, (index) =>
      patch(index + 1, index % 2 === 0 ? step("/title", dict(entry("__proto__", dict(entry("polluted", 1))))) : whole),
    ),
  ),
];

/** Milliseconds in which a server answers a client that reads slowly. */
const ANSWERING_MS = 20_000;

/** Asks for streams and reads them slowly; or asks for streams, and answers a client that asks for items. */
function answered(name: string, items: () => Uint8Array, options: Partial<Attack> = {}): Attack {
  return {
    name: `a stream ${name}`,
    victim: "client",
    growthMiB: 160, // One message of at most 64 MiB, its values, and what is not collected yet.
    ...options,
    run: async (target) => {
      const peer = await target.attacker("stream");
      await peer.write(list("answer", 1, list("remote", 5)));
      const answer = items();
      // As much as the client asks for, and no more than this: it reads one item in a second.
      const end = performance.now() + ANSWERING_MS;
      for (let left = 400e6; left > 0 && peer.isOpen && performance.now() < end; left -= answer.length) {
        const next = await within(2000, peer.next("message"));
        if (next === undefined) break;
        const message = list("answer", next[1] as number, answer);
        target.sent += message.length;
        await within(20_000, peer.write(message));
      }
      peer.destroy();
    },
  };
}

const onReaders: readonly Attack[] = [
  answered("of items of 600 kB", () => listing(16, () => "x".repeat(600_000)), { isShort: true }),
  answered("of items that never ends", () => list("list", 1)),
  answered("with more items than were asked for", () => listing(400_000, (index) => index)),
  answered("of small values that fill memory", () => listing(16, () => listing(20_000, () => list("dictionary")))),
];

/** Opens many streams of large items, asks for items, and does not read. */
const onStreams: readonly Attack[] = [
  {
    name: "streams of items of 600 kB that are asked for and not read",
    victim: "root",
    isShort: true,
    growthMiB: 160, // An item of 600 kB in advance for each of 100 streams, and 16 MiB of answers.
    sliceMs: 300,
    run: async (target) => {
      const peer = await target.attacker();
      await target.send(
        peer,
        repeat(100, (id) => call(0, "blobs", none, id + 1)),
      );
      peer.pause();
      const next = repeat(100, (id) => list("message", 9000 + id, id + 1, "next", 1, argument(1024), none));
      await within(5000, peer.write(next));
      await target.usageAtRest();
      peer.destroy();
    },
  },
  {
    name: "streams that are opened and released again",
    victim: "root",
    growthMiB: 64,
    run: async (target) => {
      const peer = await target.attacker();
      const opened = repeat(20_000, (id) => Buffer.concat([call(0, "stream", none, id + 1), list("decref", id + 1)]));
      await within(20_000, target.send(peer, opened));
    },
  },
  {
    name: "calls for the items of a stream with wrong numbers",
    victim: "root",
    growthMiB: 64,
    run: async (target) => {
      const peer = await target.attacker();
      await peer.ask(call(0, "stream"));
      const counts: readonly Part[] = [-1, 0, 2n ** 300n, text("x"), list("list"), list("None"), list("dictionary")];
      const next = (id: number): Uint8Array =>
        list("message", id + 10, 1, "next", id % 2, argument(counts[id % counts.length]!), none);
      await within(20_000, target.send(peer, repeat(20_000, next)));
    },
  },
  {
    name: "a viewer of live state that does not read",
    victim: "root",
    isShort: true,
    growthMiB: 96, // `queuedBytes`, patches that are merged, and what is not collected yet.
    run: async (target) => {
      const peer = await target.attacker();
      await peer.ask(call(0, "board"));
      peer.pause();
      // Each call changes a text of 60 kB: 240 MB of patches, if they were not merged.
      await within(10_000, peer.write(repeat(4000, (id) => call(0, "change", none, id + 2))));
      await target.usageAtRest();
      peer.destroy();
    },
  },
  {
    name: "a hundred thousand requests for live state",
    victim: "root",
    growthMiB: 128,
    run: async (target) => {
      const peer = await target.attacker();
      await within(
        30_000,
        target.send(
          peer,
          repeat(100_000, (id) => call(0, "board", none, id + 1)),
        ),
      );
    },
  },
];

/** Sends calls that must run once, and counts how many did not run. */
function once(name: string, count: number, key: (index: number) => Part, method = "echo", value: Part = 1): Attack {
  return {
    name: `calls that run once ${name}`,
    victim: "root",
    growthMiB: 160, // 1,024 calls run, of 60 kB each at most, and as much is not collected yet.
    run: async (target) => {
      const peer = await target.attacker();
      await peer.ask(list("message", 1, "pbx", "hello", 1, argument(), none));
      const message = (index: number): Uint8Array =>
        Buffer.concat([
          note(index + 100, dict(entry("key", key(index)), entry("since", 1e6))),
          call(value, method, none, index + 100),
        ]);
      await within(30_000, sendAll(target, peer, count, message));
    },
  };
}
const note = (id: Part, details: Uint8Array): Uint8Array =>
  list("message", 0, "pbx", "note", 0, argument(id, details), none);

/** In pieces, which are not all in memory at the same time. */
async function sendAll(
  target: Victim,
  peer: RawPeer,
  count: number,
  message: (index: number) => Uint8Array,
): Promise<void> {
  for (let from = 0; from < count && peer.isOpen; from += 1000)
    await target.send(
      peer,
      repeat(Math.min(1000, count - from), (index) => message(from + index)),
    );
}

const keyOf = (index: number): Uint8Array => text(`key-${String(index).padStart(20, "0")}`);

const onKeys: readonly Attack[] = [
  { ...once("with 50,000 keys", 50_000, keyOf), isShort: true },
  once("with 50,000 keys, and do not finish", 50_000, keyOf, "never"),
  once("with keys of 600 kB", 100, (index) => text(String(index).padEnd(600_000, "x"))),
  once("with answers of 60 kB", 2000, keyOf, "page"),
  once("with arguments of 60 kB, and do not finish", 3500, keyOf, "never", text("x".repeat(60_000))),
  {
    name: "notes about calls that do not follow",
    victim: "root",
    growthMiB: 64,
    run: async (target) => {
      const peer = await target.attacker();
      const message = (id: number): Uint8Array =>
        Buffer.concat([
          note(id + 1000, dict(entry("key", keyOf(id)), entry("tracestate", text("x".repeat(400))))),
          list("message", 0, "pbx", "expect", 0, argument(id + 1_000_000), none),
        ]);
      await within(30_000, sendAll(target, peer, 50_000, message));
    },
  },
  ...["x".repeat(600_000), "\u001b[2K\nforged", ""].map((instance, index): Attack => ({
    name: `answers about calls that run once, ${["that are huge", "that are forged", "that are empty"][index]!}`,
    victim: "client",
    over: "tcp",
    growthMiB: 64,
    run: async (target) => {
      const peer = await target.attacker("once");
      const features = listing(1000, () => text("once"));
      const hello = dict(entry("features", features), entry("instance", text(instance)), entry("clock", text("x")));
      // The client asks what the server can do before it sends its call.
      for (let asked = peer.called; asked !== undefined; asked = await within(2000, peer.next("message")))
        if (asked[4] === 1) await target.send(peer, list("answer", asked[1] as number, hello));
      assert.doesNotMatch(target.log, /\u001b/, "control characters in the log"); // eslint-disable-line no-control-regex -- must not be there
      peer.destroy();
    },
  })),
];

export const features: readonly Attack[] = [...onViews, ...onReaders, ...onStreams, ...onKeys];
