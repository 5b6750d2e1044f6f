// Sessions recorded between two Twisted programs, with our broker in place of the server: it says what Twisted's said.

import { describe, expect, test } from "vitest";
import type { BrokerOptions } from "@pb/broker";
import type { Expression } from "@pb/banana";
import { line, play, transcripts } from "../support/transcripts.js";
import type { Deviation, Play, Stage, Transcript } from "../support/transcripts.js";
import { VecRoot, vecOptions } from "../support/vec.js";

/** Where our server says something else than Twisted's, by design. */
const deviations: Partial<Record<string, Deviation[]>> = {
  "login respond without mind": [
    {
      line: 7,
      says: /type\) builtins\.TypeError\).*respond\(\) misses the argument mind/,
      why: "our words, Python's type",
    },
  ],
  "insecure argument": [
    {
      line: 5,
      says: /type\) twisted\.spread\.jelly\.InsecureJelly\).*not allowed \(in os\.system\)/,
      why: "our words; Twisted's stop at the module",
    },
  ],
  "unknown copyable as argument": [
    {
      line: 5,
      says: /type\) twisted\.spread\.jelly\.InsecureJelly\).*not allowed \(in vec\.Unknown\)/,
      why: "our words; Twisted's stop at the module",
    },
  ],
  "unknown cacheable as argument desynchronises": [
    {
      line: 5,
      says: /type\) twisted\.spread\.jelly\.InsecureJelly\).*not allowed \(in vec\.UnknownCounter\)/,
      why: "our words; Twisted's stop at the module",
    },
  ],
  "unsendable answer kills the connection": [
    {
      line: 5,
      says: /^\(error 1 .*type\) builtins\.ValueError\).*655361/,
      lives: true,
      why: "a result that cannot travel is an error of that call, not the end of all (trap 4)",
    },
  ],
  "raw: arguments are not jelly": [
    {
      line: 5,
      says: /^\(error 1 .*type\) builtins\.ValueError\)/,
      why: "Twisted shows an AttributeError of its own insides; we say what is wrong with the value",
    },
  ],
};

/** What our server does on its own account. */
const scripts: Partial<Record<string, (root: VecRoot, stage: Stage) => Play["before"]>> = {
  "answers out of order": (root) => ({ 8: () => root.later[1]!("second"), 9: () => root.later[0]!("first") }),
  "cacheable life cycle": (root) => ({
    6: () => void root.counter.set(7).then((answers) => expect(answers).toEqual([8])),
  }),
  "observe crosses decache": (root, { link }) => ({
    6: () => link.hold(),
    7: () => void root.counter.set(9).then((answers) => expect(answers).toEqual([10])),
    8: () => link.release(),
  }),
  "cachemessage from stoppedObserving": (root) => ({ 6: () => (root.counter.lastWord = -1) }),
  "disconnect with a live cache": (_root, { peer }) => ({ 6: () => peer.hangUp() }),
  "logout by disconnect": (_root, { peer }) => ({ 9: () => peer.hangUp() }),
};

const options: Partial<Record<string, BrokerOptions>> = {
  "ordinary exception, unsafeTracebacks": { unsafeTracebacks: true },
};

/** The challenges that the recorded server gave: random, so that ours has to give the same. */
function challengesOf(transcript: Transcript): Expression[] {
  const answers = transcript.entries.map((_entry, index) => line(transcript, index) as Expression[]);
  return answers
    .map((answer) => answer[2] as Expression[])
    .filter((value) => Array.isArray(value) && value.length === 3 && value[1] instanceof Uint8Array)
    .map((value) => value[1]!)
    .filter((challenge) => (challenge as Uint8Array).length === 16);
}

type Counts = Readonly<Record<string, number>>;

describe("our server and the recorded client", () => {
  test.each(transcripts.map((transcript) => [transcript.name, transcript] as const))("%s", async (name, transcript) => {
    const root = new VecRoot(challengesOf(transcript), { acceptsPasswords: !name.includes("anonymous-only") });
    await play(transcript, "server", (stage) => ({
      options: { ...vecOptions, root, ...options[name] },
      before: scripts[name]?.(root, stage) ?? {},
      deviations: deviations[name],
      marks: {
        connection: (noted: "alive" | "lost", { isOpen }) => expect(isOpen ? "alive" : "lost").toBe(noted),
        logouts: (noted: string[]) => expect(root.logouts).toEqual(noted),
        "stoppedObserving calls": (noted: number) => expect(root.counter.stopped).toBe(noted),
        // Ours do not count the root, which the peer cannot give back.
        "server reference counts": (noted: Counts, broker) =>
          expect(broker.stats().referencesGiven).toBe(Object.keys(noted).length - 1),
        "server cache counts": (noted: Counts, broker) => {
          expect(broker.stats().cachesGiven).toBe(Object.keys(noted).length);
          expect(broker.cachesOf(root.counter)).toBe(Object.values(noted)[0] ?? 0);
        },
      },
    }));
  });
});
