/** The attacks that are more than one message: sockets, logins, logs, and lies about objects. */

import { strict as assert } from "node:assert";
import { RemoteError } from "@pb/broker";
import type { Broker, RemoteReference } from "@pb/broker";
import { login, UsernamePassword } from "@pb/cred";
import type { Attack } from "./attacks.js";
import type { Victim } from "./harness.js";
import { SECOND, within } from "./harness.js";
import { call, list, text } from "./wire.js";
import type { Part, RawPeer } from "./wire.js";

export const together = <T>(count: number, action: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => action(index)));
export const address = (index: number): string => `127.1.${index >> 8}.${index & 255}`;
export const argument = (...values: readonly Part[]): Uint8Array => list("tuple", ...values);
export const none = list("dictionary");

/** Guesses a password. Returns whether the server checked the guess. */
async function guess(connection: Broker, name: string): Promise<boolean> {
  try {
    const root = await connection.getRootObject();
    const [, challenger] = (await root.callRemote("login", name)) as [unknown, RemoteReference];
    await challenger.callRemote("respond", new Uint8Array(16), null);
  } catch (error) {
    return error instanceof RemoteError && error.is("twisted.cred.error.UnauthorizedLogin");
  }
  return true;
}

/**
 * Guesses, 15 times on each of at most 200 connections at the same time. Returns how many guesses were checked.
 * `header` is sent first on the connection with this number.
 */
export async function guesses(
  target: Victim,
  count: number,
  name: (index: number) => string,
  from = (_index: number): string => "127.0.0.7",
  header?: (index: number) => string,
): Promise<number> {
  let checked = 0;
  for (let done = 0; done < count; done += 3000)
    await together(Math.ceil(Math.min(count - done, 3000) / 15), async (index) => {
      const connection = await target.connect(from(index), header?.(done / 15 + index)).catch(() => undefined);
      if (connection === undefined) return;
      await together(15, async (next) => {
        if (await guess(connection, name(done + index * 15 + next))) checked++;
      });
      connection.terminate("closed");
    });
  return checked;
}

/** Whether somebody at another address is served, while sockets of the attacker are open. */
export async function served(target: Victim, attempts: number): Promise<void> {
  let count = 0;
  for (let isServed = true; isServed && count < attempts;) {
    // Less than the times after which a server closes idle sockets by itself.
    const peer = await within(10_000, target.peer("initiator", "127.0.0.99"));
    isServed = peer?.isOpen === true;
    if (isServed) count++;
    peer?.destroy();
  }
  assert(count === attempts, `another address was served ${count} of ${attempts} times`);
}

function sockets(name: string, from: number, each: number, role?: "initiator"): Attack {
  return {
    name,
    victim: "portal",
    sliceMs: 300,
    isShort: role === undefined,
    run: async (target) => {
      await together(from * each, (index) => within(3000, target.peer(role, address(index % from))));
      return served(target, 10);
    },
  };
}

/** The answer to a call, as text. */
async function answerTo(target: Victim, message: Uint8Array): Promise<string> {
  const answer = await (await target.attacker()).ask(message);
  return JSON.stringify(answer, (_, item: unknown) =>
    item instanceof Uint8Array ? Buffer.from(item).toString() : item,
  );
}

function state(name: string, method: string, key: string, expected: string): Attack {
  const order = list("hostile.Order", list("dictionary", list(text(key), 0)));
  return {
    name,
    victim: "root",
    isShort: key === expected || key === "total",
    run: async (target) => {
      const answer = await answerTo(target, call(order, method));
      assert(answer.includes(expected), `the method returned ${answer.slice(0, 100)}`);
    },
  };
}

/** Gives a client a cache with this state, and calls its method without the parameter that it declares. */
function cacheState(name: string, state: () => Uint8Array): Attack {
  return {
    name: `state of ${name}`,
    victim: "client",
    isShort: true,
    run: async (target) => {
      const peer = await target.attacker();
      await peer.write(list("answer", 1, list("hostile.Stock", 7, state())));
      const answer = await peer.ask(list("cachemessage", 2, 7, "set", 1, argument(), none));
      assert.equal(Buffer.from(answer![0] as Uint8Array).toString(), "error", "a call without its parameter was run");
    },
  };
}

/** Closes the server while a connection keeps it busy. */
function drain(name: string, isShort: boolean, busy: (peer: RawPeer) => Promise<void>): Attack {
  return {
    name: `${name} while the server drains`,
    victim: "root",
    isShort,
    run: async (target) => {
      const peer = await target.attacker();
      await busy(peer);
      await within(500, peer.closed);
      const took = await target.drain(1000);
      assert(took < 8000, `draining with drainMs: 1000 took ${took} ms`);
    },
  };
}

/** Sends messages a number of times, and looks at what the victim prints. */
function log(name: string, count: number, message: Uint8Array): Attack {
  return {
    name,
    victim: "root",
    isShort: count < 1000,
    run: async (target) => {
      const peer = await target.attacker();
      await target.send(peer, Buffer.concat(new Array<Uint8Array>(count).fill(message)));
      await target.usage();
      // eslint-disable-next-line no-control-regex -- escape sequences are what must not be there
      assert.doesNotMatch(target.log, /[\x00-\x09\x0b-\x1f\x7f-\x9f]|^Accepted/m, "control characters in the log");
      assert(target.log.length <= 65_536, `${target.log.length} bytes of log for ${target.sent} bytes`);
    },
  };
}

export const forged = "x\n\u001b[2K\nAccepted password for root";
const unreadable = list("message", 1, "root", forged, 0, argument(list("no")), none);

export const scenarios: readonly Attack[] = [
  sockets("250 idle sockets from each of two addresses", 2, 250),
  sockets("sockets of four addresses that do not log in", 4, 250, "initiator"),
  sockets("sockets of 600 addresses that do not log in", 600, 2, "initiator"),
  {
    name: "guesses at one name after guesses at 10,100 others",
    victim: "portal",
    sliceMs: 300,
    run: async (target) => {
      const start = performance.now();
      const first = await guesses(target, 60, () => "bob");
      await guesses(target, 10_100, (index) => `name${index}`);
      const more = await guesses(target, 60, () => "bob");
      const allowed = 20 + Math.ceil((performance.now() - start) / 15_000);
      assert(first + more <= allowed, `${first} and then ${more} guesses were checked`);
    },
  },
  {
    name: "guesses at many names from one address",
    victim: "portal",
    sliceMs: 300,
    isShort: true,
    run: async (target) => {
      const checked = await guesses(target, 1500, (index) => `name${index}`);
      assert(checked <= 500, `${checked} of 1,500 guesses were checked`);
    },
  },
  {
    name: "guesses at one name from 150 addresses",
    victim: "portal",
    sliceMs: 300,
    isShort: true,
    run: async (target) => {
      await guesses(target, 150 * 15, () => "alice", address);
      const attack = guesses(target, 150 * 15, () => "alice", address);
      for (let left = 5; left > 0; left--) {
        const owner = await target.connect(SECOND); // She has logged in from there before.
        await assert.doesNotReject(login(owner, new UsernamePassword("alice", "secret")), "the owner was refused");
        owner.terminate("closed");
      }
      await attack;
    },
  },
  {
    name: "first steps of logins at a server with a password file",
    victim: "file",
    isShort: true,
    run: async (target) => {
      const before = await target.usage();
      await together(5, async (index) => {
        const connection = await target.connect(address(index));
        const extended = await connection.getObject("pbx.login");
        const message = Buffer.from("n,,n=user7,r=abc");
        for (let left = 10; left > 0; left--) await extended.callRemote("scram", message).catch(() => undefined);
        connection.terminate("closed");
      });
      const each = (((await target.usage())?.cpuSeconds ?? NaN) - before!.cpuSeconds) / 50;
      assert(each < 0.02, `${Math.round(each * 1000)} ms of processor time for each of 50 requests`);
    },
  },
  state("state instead of an accessor", "total", "total", "computed"),
  state("state instead of a method", "show", "toString", "an order"),
  ...["constructor", "__proto__", "valueOf", "toJSON", "hasOwnProperty"].map((key) =>
    state(`state with the key ${key}`, "total", key, "computed"),
  ),
  cacheState("a cache instead of declared parameters", () =>
    list("dictionary", list(text("constructor"), list("dictionary", list(text("parameters"), none)))),
  ),
  cacheState("a cache with a prototype of its own", () =>
    list("dictionary", list(text("__proto__"), list("dictionary", list(text("observe_set"), 1)))),
  ),
  cacheState("a cache with methods of its own", () =>
    list("dictionary", list(text("observe_set"), 1), list(text("hasOwnProperty"), 1), list(text("parameters"), none)),
  ),
  log("arguments that cannot be read", 5000, unreadable),
  log("a long name of a method", 20, list("message", 1, "root", "x".repeat(600_000), 0, argument(list("no")), none)),
  log("messages that are not understood", 20_000, list("didNotUnderstand", forged)),
  log("requests with forged ids", 2000, list("message", forged, forged, forged, 1, argument(), none)),
  log("names of unknown classes", 2000, call(list(forged, none))),
  log("names of unknown keyword arguments", 2000, call(1, "total", list("dictionary", list(text(forged), 1)))),
  log("a long name to release", 1, list("decref", forged + "x".repeat(600_000))),
  {
    name: "pages that are not consumed",
    victim: "client",
    isShort: true,
    growthMiB: 128, // Of 192 MB, 64 MiB may wait. As much may not be collected yet.
    run: async (target) => {
      const peer = await target.attacker("pages");
      const page = list("message", 5, 1, "gotPage", 0, argument("p".repeat(64_000)), none);
      await within(5000, target.send(peer, Buffer.concat(new Array<Uint8Array>(3000).fill(page))));
    },
  },
  {
    name: "small pages that are not consumed",
    victim: "client",
    growthMiB: 128,
    run: async (target) => {
      const peer = await target.attacker("pages");
      const page = list("message", 5, 1, "gotPage", 0, argument("p"), none);
      await within(5000, target.send(peer, Buffer.concat(new Array<Uint8Array>(200_000).fill(page))));
    },
  },
  {
    name: "streams that are opened and not read",
    victim: "root",
    isShort: true,
    growthMiB: 64, // 100 of them may be open, each with 128 KiB in advance, and as much in answers.
    run: async (target) => {
      const peer = await target.attacker();
      const opened = Array.from({ length: 2000 }, (_, id) => call(0, "stream", none, id + 1));
      const asked = Array.from({ length: 2000 }, (_, id) =>
        list("message", 9000 + id, id + 1, "next", 1, argument(1024), none),
      );
      await within(5000, target.send(peer, Buffer.concat([...opened, ...asked])));
    },
  },
  {
    name: "a flood of calls for the items of a stream, whose answers are not read",
    victim: "root",
    isShort: true,
    growthMiB: 64,
    run: async (target) => {
      const peer = await target.attacker();
      await peer.ask(call(0, "stream"));
      peer.pause();
      const next = list("message", 5, 1, "next", 1, argument(2 ** 53), none);
      await within(5000, peer.write(Buffer.concat(new Array<Uint8Array>(20_000).fill(next))));
    },
  },
  {
    name: "ten million iterations of SCRAM",
    victim: "client",
    isShort: true,
    run: async (target) => {
      const before = await target.usage();
      const peer = await target.attacker("login");
      const first = peer.called![5] as [Uint8Array, Uint8Array];
      const nonce = Buffer.from(first[1]).toString().split("r=")[1]!;
      await target.send(peer, list("answer", 1, argument(`r=${nonce}x,s=c2FsdA==,i=10000000`, list("remote", 5))));
      await within(4000, peer.closed);
      const seconds = ((await target.usage())?.cpuSeconds ?? NaN) - before!.cpuSeconds;
      assert(seconds < 1.5, `${seconds.toFixed(1)} s of processor time; the login has a timeout of 0.5 s`);
    },
  },
  {
    name: "answers that are not read",
    victim: "root",
    run: async (target) => {
      const peer = await target.attacker();
      peer.pause();
      await within(5000, peer.write(Buffer.concat(new Array<Uint8Array>(20_000).fill(call(1, "fetch")))));
    },
  },
  drain("answers that are not read", true, async (peer) => {
    peer.pause();
    await peer.write(Buffer.concat(new Array<Uint8Array>(60).fill(call(1, "fetch"))));
  }),
  drain("a call that does not finish", false, (peer) => peer.write(call(1, "never"))),
  drain("an unfinished message", false, (peer) => peer.write(call("x".repeat(600_000)).subarray(0, -9))),
  drain("a message that arrives slowly", false, async (peer) => {
    await peer.write(call("x".repeat(600_000)).subarray(0, 1000));
    const timer = setInterval(() => void peer.write(Buffer.from("x")), 20);
    void peer.closed.then(() => clearInterval(timer));
  }),
];
