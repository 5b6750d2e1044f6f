/** Attacks of a malicious server on our client: endless answers, forged text, foreign states, and stolen tokens. */

import { strict as assert } from "node:assert";
import { setTimeout as sleep } from "node:timers/promises";
import { createServer as createTlsServer } from "node:tls";
import { Authority } from "../../packages/node-transport/test/support/certificates.js";
import type { Attack } from "./attacks.js";
import { heavy } from "./contents.js";
import type { Victim } from "./harness.js";
import { within } from "./harness.js";
import { argument, forged, none, together } from "./scenarios.js";
import type { Visit } from "./victim.js";
import { double, filled, list, listOf, RawPeer, text } from "./wire.js";
import type { Part } from "./wire.js";

const MIB = 2 ** 20;
const entry = (key: string, value: Part): Uint8Array => list(text(key), value);
const failure = (type: string, message: string): Uint8Array =>
  list(
    "twisted.spread.pb.CopyableFailure",
    list(
      "dictionary",
      entry("type", text(type)),
      entry("value", text(message)),
      entry("traceback", text(message)),
      entry("parents", list("list", text(type))),
    ),
  );

/** Answers the call of a client again and again: `answer` makes the answer to the call with this number. */
async function answerAll(target: Victim, count: number, answer: (index: number) => Uint8Array): Promise<void> {
  const peer = await target.attacker("hold");
  let id: Part = 1;
  for (let index = 0; index < count && peer.isOpen; index++) {
    const message = list("answer", id, answer(index));
    target.sent += message.length;
    await peer.write(message);
    const next = await within(20_000, peer.next("message"));
    if (next === undefined) return;
    id = next[1] as number;
  }
}

/** A client that prints the error of a call, or the reason why the connection has ended. */
function printed(name: string, messages: readonly Uint8Array[]): Attack {
  return {
    name,
    victim: "client",
    isShort: true,
    run: async (target) => {
      const peer = await target.attacker("print");
      for (const message of messages) await peer.write(message);
      await sleep(300);
      peer.destroy();
      await target.usageAtRest();
      assert(target.log.length > 0, "nothing was printed");
      // eslint-disable-next-line no-control-regex -- escape sequences are what must not be there
      assert.doesNotMatch(target.log, /[\x00-\x09\x0b-\x1f\x7f-\x9f]|^Accepted/m, "control characters in the log");
      assert(target.log.length <= 65_536, `${target.log.length} bytes of log`);
    },
  };
}

/** A client that logs in, and gets `answers` to its calls. */
function loggingIn(name: string, answer: (nonce: string) => Uint8Array): Attack {
  return {
    name: `a login with ${name}`,
    victim: "client",
    isShort: name.startsWith("a "),
    growthMiB: 64,
    run: async (target) => {
      const before = await target.usage();
      const peer = await target.attacker("login");
      const [, message] = peer.called![5] as [Uint8Array, Uint8Array];
      const nonce = Buffer.from(message).toString().split("r=")[1]!;
      await target.send(peer, list("answer", 1, answer(nonce)));
      await within(4000, peer.closed);
      const seconds = ((await target.usage())?.cpuSeconds ?? NaN) - before!.cpuSeconds;
      assert(seconds < 1.5, `${seconds.toFixed(1)} s of processor time; the login has a timeout of 0.5 s`);
    },
  };
}

const challenge = (message: string): Uint8Array => argument(message, list("remote", 5));
const scram = (salt: string, iterations: string) => (nonce: string) =>
  challenge(`r=${nonce}x,s=${salt},i=${iterations}`);

function flood(name: string, how: Visit, count: number, message: (index: number) => Uint8Array): Attack {
  return {
    name,
    victim: "client",
    growthMiB: 128,
    sliceMs: 300,
    run: async (target) => {
      const peer = await target.attacker(how);
      const messages = Array.from({ length: count }, (_, index) => message(index));
      await within(30_000, target.send(peer, Buffer.concat(messages)));
    },
  };
}

/** The announcement of a published object. */
const published = (id: string): Uint8Array =>
  list(
    "hostile.Page",
    7,
    list(
      "dictionary",
      entry("remote", list("remote", 5)),
      entry("publishedID", text(id)),
      entry("perspective", text("None")),
      entry("service", text("None")),
      entry("timestamp", double(1.5)),
    ),
  );

/** Announces an object, and sends its state when the client asks for it. */
async function publish(target: Victim, id: string): Promise<void> {
  const peer = await target.attacker();
  await peer.write(list("answer", 1, published(id)));
  const request = await within(5000, peer.next("message"));
  if (request !== undefined) await target.send(peer, list("answer", request[1] as number, list("dictionary")));
  await target.usageAtRest();
}

export const lies: readonly Attack[] = [
  printed("an error with forged text that is printed", [
    list("error", 1, failure(`x.${forged}`, forged.padEnd(300_000, "y"))),
  ]),
  printed("an error that is a copy with forged text", [
    list("error", 1, list(forged, list("dictionary", entry("message", text(forged)), entry("stack", text(forged))))),
  ]),
  printed("a forged command that ends the connection", [list(forged.padEnd(300_000, "y"), 1)]),
  printed("a forged id that ends the connection", [list("uncache", forged)]),
  printed("a goodbye with forged text", [
    list("message", 5, "pbx", "goaway", 0, argument(list("dictionary", entry("retryAfter", text(forged)))), none),
  ]),
  loggingIn("a million iterations", scram("c2FsdA==", "1000000")),
  loggingIn("iterations of 600 digits", scram("c2FsdA==", "9".repeat(600))),
  loggingIn("negative iterations", scram("c2FsdA==", "-5")),
  loggingIn("a salt of 600 kB", scram("c2Fs".repeat(150_000), "4096")),
  loggingIn("an answer of 600 kB", () => challenge("r=".padEnd(600_000, ","))),
  loggingIn("an answer without a reference", () => argument("x", 1)),
  loggingIn("a reference in place of a message", () => argument(list("remote", 5), list("remote", 5))),
  {
    name: "a login that is never answered",
    victim: "client",
    isShort: true,
    growthMiB: 64,
    run: async (target) => {
      await together(20, () => target.attacker("login"));
      await sleep(1500);
    },
  },
  flood("pages that never end", "pages", 40_000, () => list("message", 5, 1, "gotPage", 1, argument("p"), none)),
  flood("goodbyes", "ask", 100_000, (id) => list("message", id, "pbx", "goaway", 0, argument(none), none)),
  flood("versions", "ask", 500_000, () => list("version", 6)),
  flood("releases of what was never sent", "ask", 100_000, (id) => list("decref", id + 1000)),
  {
    name: "different references that the client keeps",
    victim: "client",
    growthMiB: 400,
    sliceMs: 300,
    run: (target) =>
      answerAll(target, 1, () =>
        listOf(["list", ...Array.from({ length: 200_000 }, (_, index) => list("remote", index + 10))]),
      ),
  },
  {
    name: "different caches that the client drops",
    victim: "client",
    sliceMs: 300,
    run: async (target) => {
      const peer = await target.attacker();
      const caches = Array.from({ length: 100_000 }, (_, index) => list("hostile.Stock", index, none));
      await target.send(peer, list("answer", 1, listOf(["list", ...caches])));
    },
  },
  ...["empty dicts", "sets of one", "dicts with an integer key"].map((name): Attack => ({
    name: `${name} from ten servers at once`,
    victim: "client",
    growthMiB: 480,
    sliceMs: 300,
    run: async (target) => {
      const peers = [];
      for (let left = 10; left > 0; left--) peers.push(await target.attacker());
      const message = list("answer", 1, filled(heavy[name]!, 6 * MIB));
      await Promise.all(peers.map((peer) => target.send(peer, message)));
    },
  })),
  {
    name: "published objects of two servers with one id",
    victim: "client",
    isShort: true,
    run: async (target) => {
      for (const id of ["page", "../../../etc/x", "a\0b", "x".repeat(100_000)]) {
        await publish(target, id);
        await publish(target, id);
      }
      const keys = [...target.log.matchAll(/^loads (.*)\.$/gm)].map(([, key]) => key!);
      assert.equal(keys.length, 8, "the store was not asked");
      assert.equal(new Set(keys).size, 8, "two servers have the same key");
      for (const key of keys) assert.match(key, /^[0-9a-f]{64}$/, "a key that is not a safe name of a file");
    },
  },
  {
    name: "a certificate that nobody has verified",
    victim: "client",
    over: "tcp",
    isShort: true,
    run: async (target) => {
      const { key, cert } = new Authority("an authority of the attacker").issue("127.0.0.1");
      const server = createTlsServer({ key, cert });
      const socket = await target.visitor(server, "token", "secureConnection");
      let received = "";
      socket.on("data", (data: Buffer) => (received += data.toString("latin1")));
      const peer = new RawPeer(socket, "listener");
      await within(2000, peer.next("message"));
      peer.destroy();
      assert(!received.includes("a secret token"), "the token was sent");
    },
  },
];
