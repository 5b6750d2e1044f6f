// Sockets whose request has not arrived: which of them make room when too many wait.

import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { WaitingSockets } from "../../src/node/waiting-sockets.js";

/** What is used of a socket. */
class Waiting extends EventEmitter {
  readonly localAddress = "192.0.2.1";
  readonly bytesRead = 0;

  constructor(
    readonly remoteAddress: string,
    readonly remotePort: number,
  ) {
    super();
  }

  destroy(): void {
    this.emit("close");
  }
}

/** At most four sockets. `add` returns those that had to make room so far, by their ports. */
function atMostFour() {
  const ended: string[] = [];
  const waiting = new WaitingSockets(
    4,
    3_600_000,
    ({ remotePort }, why) => ended.push(`${remotePort ?? ""}: ${why}`),
    () => undefined,
  );
  onTestFinished(() => waiting.destroyAll());
  let port = 0;
  const add = (address: string): string[] => {
    waiting.add(new Waiting(address, ++port) as unknown as Socket);
    return ended;
  };
  return { add };
}

test("the oldest of the network that has the most makes room, and not the oldest of all", () => {
  const { add } = atMostFour();
  for (const address of ["198.51.100.1", "203.0.113.1", "203.0.113.1", "203.0.113.1"]) expect(add(address)).toEqual([]);
  expect(add("192.0.2.7")).toEqual(["2: too many others wait"]);
  expect(add("192.0.2.8")).toHaveLength(2);
  expect(add("192.0.2.9").slice(1)).toEqual(["3: too many others wait", "1: too many others wait"]);
});

test("the addresses of one IPv6 site are one network", () => {
  const { add } = atMostFour();
  for (const address of ["198.51.100.1", "198.51.100.1", "2001:db8:1:1::1", "2001:db8:1:2::1"]) add(address);
  expect(add("2001:db8:1:3::1")).toEqual(["1: too many others wait"]);
  expect(add("198.51.100.9")).toEqual(["1: too many others wait", "3: too many others wait"]);
});
