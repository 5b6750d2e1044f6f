// What `pb replay` as the client expects of the server, with recordings of a few messages.

import { encode, none } from "@pb/banana";
import type { Expression } from "@pb/banana";
import { Duplex } from "node:stream";
import { expect, onTestFinished, test } from "vitest";
import type { RecordingEntry } from "../../src/recording/format.js";
import { LivePeer } from "../../src/replay/live-peer.js";
import { Player } from "../../src/replay/player.js";
import type { PlayOptions } from "../../src/replay/player.js";
import { Script } from "../../src/replay/script.js";

type Side = "client" | "server";

/** Milliseconds that end a test that hangs. */
const LONG = 120_000;

const word = (text: string): Uint8Array => new TextEncoder().encode(text);
const call = (method: string): Expression => {
  return [word("message"), 1, word("root"), word(method), 0, [word("tuple")], [word("dictionary")]];
};
const NEGOTIATION: readonly [Side, Expression][] = [
  ["server", [word("none")]],
  ["client", word("none")],
];

/**
 * Plays the client of a recording. When the client has sent all of its messages, the server closes the connection,
 * unless `stays`.
 */
function play(
  messages: readonly [Side, Expression, timeMs?: number][],
  { stays = false, ...options }: Partial<PlayOptions> & { readonly stays?: boolean } = {},
) {
  let left = 1 + messages.filter(([from]) => from === "client").length;
  const read = { entries: 0 };
  const entries = async function* (): AsyncGenerator<RecordingEntry> {
    for (const [from, message, timeMs = 0] of [...NEGOTIATION, ...messages]) {
      read.entries++;
      yield { kind: "data", timeMs, connection: 1, from, bytes: encode(message, { dialect: none }) };
    }
    yield { kind: "close", timeMs: 0, connection: 1, by: "server" };
  };
  const socket = new Duplex({
    read: () => undefined,
    write: (_chunk, _encoding, done) => {
      left--;
      if (left === 0 && !stays) socket.push(null);
      done();
    },
    final: (done) => {
      if (stays) socket.push(null);
      done();
    },
  });
  const peer = new LivePeer(socket, "client", []);
  onTestFinished(() => peer.destroy());
  const player = new Player(new Script(entries(), 1), peer, {
    ...{ as: "client", isStrict: false, keepsTiming: false, answerMs: LONG, ignored: new Set<string>() },
    ...{ signal: new AbortController().signal, secret: async () => "", warn: () => undefined },
    ...options,
  });
  const send = (...sent: readonly Expression[]): void => {
    for (const message of sent) socket.push(encode(message, { dialect: none }));
  };
  send([word("none")]);
  return { played: player.play(), player, send, read };
}

const repeat = (count: number, method: string): Expression[] => Array.from({ length: count }, () => call(method));

test("messages may arrive before others that were recorded first, unless the replay is strict", async () => {
  const recorded: [Side, Expression][] = [
    ["server", call("first")],
    ["client", call("between")],
    ["server", call("second")],
  ];
  const swapped = play(recorded);
  swapped.send(call("second"), call("first"));
  expect(await swapped.played).toBeUndefined();
  const strict = play(recorded, { isStrict: true });
  strict.send(call("second"), call("first"));
  expect(await strict.played).toMatchObject({ live: { message: { method: "second" } } });
});

test("at most a thousand messages are kept that arrive early", async () => {
  const recorded = (count: number): [Side, Expression][] => [
    ["server", call("first")],
    ["client", call("between")],
    ...repeat(count, "second").map((message): [Side, Expression] => ["server", message]),
  ];
  const tooMany = play(recorded(1010));
  tooMany.send(...repeat(1001, "second"), call("first"), ...repeat(9, "second"));
  expect(await tooMany.played).toMatchObject({ live: { message: { method: "second" } } });
});

test("the message after a thousand others may arrive first", async () => {
  const { played, send } = play([...repeat(1000, "many"), call("last")].map((message) => ["server", message]));
  send(call("last"), ...repeat(1000, "many"));
  expect(await played).toBeUndefined();
});

test("of a recording with many messages of the server in a row, a thousand are read in advance", async () => {
  const { played, read } = play(
    repeat(3000, "many").map((message) => ["server", message]),
    { answerMs: 1, stays: true },
  );
  expect(await played).toMatchObject({ text: expect.stringContaining("nothing, within") as string });
  expect(read.entries).toBeLessThan(1100);
});

test("with --timing, a message waits as long after the one before it as in the recording, and no longer", async () => {
  const hour = 3_600_000;
  const prompt = play([["client", call("now"), hour]]);
  expect(await prompt.played).toBeUndefined();

  const interrupt = new AbortController();
  const recorded: [Side, Expression, number][] = [
    ["server", call("first"), hour],
    ["client", call("at once"), hour],
    ["client", call("an hour later"), 2 * hour],
  ];
  const paced = play(recorded, { keepsTiming: true, signal: interrupt.signal });
  const failed = expect(paced.played).rejects.toMatchObject({ name: "AbortError" });
  paced.send(call("first"));
  await expect.poll(() => paced.player.sent).toBe(2); // The dialect is the first.
  await new Promise((resolve) => setImmediate(resolve));
  expect(paced.player.sent).toBe(2);
  interrupt.abort();
  await failed;

  const hasty = play(recorded);
  hasty.send(call("first"));
  expect(await hasty.played).toBeUndefined();
});

test("a server that stays connected although it has closed in the recording is a difference, if strict", async () => {
  const stays = (isStrict: boolean) => play([["server", call("last")]], { isStrict, answerMs: 1, stays: true });
  const lenient = stays(false);
  lenient.send(call("last"));
  expect(await lenient.played).toBeUndefined();
  const strict = stays(true);
  strict.send(call("last"));
  expect(await strict.played).toMatchObject({ text: "the peer did not close the connection" });
  const closes = play([["server", call("last")]], { isStrict: true });
  closes.send(call("last"));
  expect(await closes.played).toBeUndefined();
});
