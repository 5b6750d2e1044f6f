// One act: a house and a client, each a process of its own, and the conversation that they are to have.

import { isDeepStrictEqual } from "node:util";
import { conversation } from "./conversation.js";
import type { Line } from "./conversation.js";
import { Program } from "./program.js";
import type { Command, Told } from "./program.js";
import { WireTap } from "./wire-tap.js";

export interface Cast {
  readonly house: Command;
  /** Gets the port as its last argument. */
  readonly alice: Command;
}

/** What went over the wire. */
export interface Recording {
  readonly fromAlice: Uint8Array;
  readonly fromHouse: Uint8Array;
}

/** Longer than two programs need to start and talk on a busy machine. */
const ACT_MS = 20_000;

/** Plays the conversation, and tells `happened` of each line of it. Rejects when something else happens, or nothing. */
export async function play(cast: Cast, happened: (line: Line) => void, limitMs = ACT_MS): Promise<Recording> {
  let complaints = "";
  const start = (name: string, command: Command): Program =>
    new Program(name, command, { limitMs, complain: (text) => void (complaints += text) });
  try {
    await using house = start("the house", cast.house);
    const [what, port] = await house.next();
    if (what !== "listening" || typeof port !== "number") {
      throw unexpected(house, ["listening", "a port"], [what, port]);
    }
    await using tap = await WireTap.open(port);
    await using alice = start("Alice's client", [...cast.alice, String(tap.port)]);
    await converse({ house, alice }, happened);
    return { fromAlice: tap.fromClient, fromHouse: tap.fromServer };
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${complaints}`.trimEnd(), { cause: error });
  }
}

async function converse(programs: Record<Line["from"], Program>, happened: (line: Line) => void): Promise<void> {
  const aliceFailed = programs.alice.failed();
  // It may do so when nobody waits for the house any more.
  aliceFailed.catch(() => undefined);
  for (const { told: expected, ...line } of conversation) {
    const program = programs[line.from];
    const told = await (program === programs.alice ? program.next() : Promise.race([program.next(), aliceFailed]));
    if (!isDeepStrictEqual(told, expected)) throw unexpected(program, expected, told);
    happened({ ...line, told });
  }
  await programs.alice.end();
}

function unexpected({ name }: Program, expected: Told, told: Told): Error {
  return new Error(`Expected ${name} to tell ${JSON.stringify(expected)}, but it tells ${JSON.stringify(told)}`);
}
