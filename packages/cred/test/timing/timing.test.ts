// An attack that measures how long a server takes to answer the first message of a login, to learn which users exist.

import { expect, test } from "vitest";
import type { RemoteReference } from "@pb/broker";
import { connect } from "@pb/node-transport";
import { Program, typescript } from "../../../../tools/process/program.js";
import { bytes, extendedLogin } from "../raw-client.js";
import type { Step } from "../raw-client.js";

/** Questions for each of the 40 names. */
const QUESTIONS = Number(process.env.QUESTIONS ?? 100);

/** The milliseconds that a percentile of the answers took. */
const percentile = (times: readonly number[], part: number) =>
  times.toSorted((a, b) => a - b)[Math.floor(times.length * part)]!;

async function timeOf(extended: RemoteReference, name: string): Promise<number> {
  const message = bytes(`n,,n=${name},r=abc`);
  const start = performance.now();
  const [, exchange] = (await extended.callRemote("scram", message)) as Step;
  const time = performance.now() - start;
  exchange[Symbol.dispose]();
  return time;
}

/** How many of 40 names, of which 20 exist, an attacker tells right, with the better of several ways to decide. */
async function attack(kind: string): Promise<number> {
  await using program = new Program(
    "server",
    typescript(
      "packages/cred/test/timing/server.ts",
      kind,
      ...(process.env.LOOKUP_MS === undefined ? [] : [process.env.LOOKUP_MS]),
    ),
  );
  const { port, names } = JSON.parse(await program.nextLine()) as { port: number; names: string[] };
  const times = new Map<string, number[]>(names.map((name) => [name, []]));
  const ask = async () => {
    await using connection = await connect(`tcp:127.0.0.1:${port}`);
    const extended = await extendedLogin(connection);
    for (let question = 0; question < QUESTIONS / 4; question++) {
      for (const name of names.toSorted(() => Math.random() - 0.5)) times.get(name)!.push(await timeOf(extended, name));
    }
  };
  await Promise.all([1, 2, 3, 4].map(ask));
  const slowest = names
    .toSorted((a, b) => percentile(times.get(b)!, 0.1) - percentile(times.get(a)!, 0.1))
    .slice(0, 20);
  const right = slowest.filter((name) => names.indexOf(name) >= 20).length * 2;
  return Math.max(right, 40 - right);
}

test.each(["function", "file", "memory"])(
  "the time of an answer does not tell whether a user exists: %s",
  async (kind) => {
    // A coin is right for more than 24 of 40 names in one attack of seven, so five times in a row once in 17,000 runs.
    const results: number[] = [];
    while (results.length < 5 && (results.at(-1) ?? 40) > 24) results.push(await attack(kind));
    if (process.env.QUESTIONS !== undefined) console.log(kind, results);
    expect(results.at(-1)).toBeLessThanOrEqual(24);
  },
);
