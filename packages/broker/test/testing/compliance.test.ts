// The in-memory link passes the compliance checks, with chunks of any size, and links with faults fail them.

import { describe, expect, test } from "vitest";
import type { Link } from "@pb/broker/extension";
import { linkCompliance, linkPair } from "@pb/broker/testing";
import type { LinkEnds, MemoryLink } from "@pb/broker/testing";

describe.for([Infinity, 4099])("a memory link that delivers %d bytes at a time", (chunkBytes) => {
  for (const { name, run } of linkCompliance) test(name, () => run(() => linkPair({ chunkBytes })));
});

/** What a link does differently. */
type Fault = (link: MemoryLink) => Partial<Link>;

/** The ends of a connection of which each has the fault. */
function faultyPair(fault: Fault): LinkEnds {
  const { listener, initiator } = linkPair();
  return { listener: withFault(listener, fault), initiator: withFault(initiator, fault) };
}

function withFault(link: MemoryLink, fault: Fault): Link {
  const faults = fault(link);
  return new Proxy<Link>(link, {
    get(target, key) {
      const value: unknown = Reflect.get(key in faults ? faults : target, key, target);
      return typeof value === "function" && !(key in faults) ? value.bind(target) : value;
    },
  });
}

const corrupt: Fault = (link) => ({
  send(bytes) {
    bytes[7]!++;
    link.send(bytes);
  },
});
const lostTwice: Fault = (link) => ({
  start: (receiver) =>
    link.start({
      received: (bytes) => receiver.received(bytes),
      drained: () => receiver.drained(),
      lost() {
        receiver.lost();
        receiver.lost();
      },
    }),
});
const lostWithCause: Fault = (link) => ({
  start: (receiver) =>
    link.start({
      received: (bytes) => receiver.received(bytes),
      drained: () => receiver.drained(),
      lost: () => receiver.lost(new Error("reset")),
    }),
});
const losesBytes: Fault = (link) => ({ close: () => link.destroy() });
const keepsBytes: Fault = (link) => ({ destroy: () => link.close() });
/** Says that the views can be written again before it has passed them on. */
const releasesTooSoon: Fault = (link) => ({
  takesViews: true,
  releasesViews: true,
  queuedBytes: 0,
  send: (bytes) => queueMicrotask(() => link.send(bytes)),
});
const drainedTooSoon: Fault = (link) => ({
  start(receiver) {
    link.start(receiver);
    receiver.drained();
  },
});

const anyByte = /Byte 7 of \d+ differs/;
const faults: [string, RegExp, Fault][] = [
  ["reports its role", /role of the listener to be listener, not initiator/, () => ({ role: "initiator" })],
  ["reports its role", /role of the initiator to be initiator, not listener/, () => ({ role: "listener" })],
  ["reports its role", /description to be string, not undefined/, () => ({ peer: { isEncrypted: true } as never })],
  ["reports its role", /empty description to be false/, () => ({ peer: { description: "", isEncrypted: true } })],
  ["reports its role", /isEncrypted to be boolean/, () => ({ peer: { description: "it" } as never })],
  ["delivers bytes in order", anyByte, corrupt],
  ["has passed on the bytes of a view that it releases", /Byte \d+ of \d+ differs/, releasesTooSoon],
  ["delivers megabytes", anyByte, corrupt],
  ["keeps bytes that arrive before start", anyByte, corrupt],
  ["counts queued bytes", /before anything was sent to be 0, not 1/, () => ({ queuedBytes: 1 })],
  ["counts queued bytes", /above 0 .* to be true, not false/, () => ({ queuedBytes: 0 })],
  ["counts queued bytes", /calls of drained .* to be 0, not 1/, drainedTooSoon],
  ["delivers nothing while it is paused", /while paused to be 0, not 100/, () => ({ pause: () => undefined })],
  ["delivers nothing while it is paused", anyByte, corrupt],
  ["sends queued bytes before it closes", /before the link closed to be \d+, not 0/, losesBytes],
  ["sends queued bytes before it closes", anyByte, corrupt],
  ["sends queued bytes before it closes", /calls of lost at both ends to be 2, not 4/, lostTwice],
  ["sends queued bytes before it closes", /cause passed to lost to be undefined, not Error: reset/, lostWithCause],
  ["can be closed by both ends", /calls of lost at both ends to be 2, not 4/, lostTwice],
  ["discards queued bytes", /fewer bytes delivered than sent to be true, not false/, keepsBytes],
  ["discards queued bytes", /calls of lost at both ends to be 2, not 4/, lostTwice],
  ["ignores every call", /calls of lost at both ends to be 2, not 4/, lostTwice],
  ["ignores every call", /cannot pause/, () => ({ pause: () => throwError("cannot pause") })],
  ["carries 200 calls", /close reason of the server to be lost, not protocol/, endsForProtocol],
];

function throwError(text: string): never {
  throw new Error(text);
}

function endsForProtocol(link: MemoryLink): Partial<Link> {
  return {
    start: (receiver) =>
      link.start({
        received: (bytes) => receiver.received(bytes),
        drained: () => receiver.drained(),
        lost: (cause) => receiver.lost(cause, "protocol"),
      }),
  };
}

describe("the check that a link", () => {
  test.each(faults)("%s: fails with %s", async (name, message, fault) => {
    const check = linkCompliance.find((each) => each.name.startsWith(name));
    await expect(check!.run(() => faultyPair(fault))).rejects.toThrow(message);
  });

  test("has a row above", () => {
    const without = linkCompliance.filter((check) => !faults.some(([name]) => check.name.startsWith(name)));
    expect(without).toEqual([]);
  });
});
