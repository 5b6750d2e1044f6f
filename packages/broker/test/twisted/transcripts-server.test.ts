// Replays sessions recorded between two Twisted programs, with our broker as the server: it must send the same bytes as
// Twisted's server.

import { describe, expect, test } from "vitest";
import type { BrokerOptions } from "@pb/broker";
import type { Expression } from "@pb/banana";
import { messageAt, replaySession, transcripts } from "../support/transcripts.js";
import type { Deviation, ReplayPlan, Replay, Transcript } from "../support/transcripts.js";
import { VecRoot, vecOptions } from "../support/recorded-classes.js";

/** The intended differences between our server and Twisted's. */
const deviations: Partial<Record<string, Deviation[]>> = {
  "login respond without mind": [
    {
      message: 7,
      sends: /type\) builtins\.TypeError\).*respond\(\) misses the argument mind/,
      why: "our message text with Python's error type",
    },
  ],
  "insecure argument": [
    {
      message: 5,
      sends: /type\) twisted\.spread\.jelly\.InsecureJelly\).*not allowed \(in os\.system\)/,
      why: "our message names the class; Twisted's names only the module",
    },
  ],
  "unknown copyable as argument": [
    {
      message: 5,
      sends: /type\) twisted\.spread\.jelly\.InsecureJelly\).*not allowed \(in vec\.Unknown\)/,
      why: "our message names the class; Twisted's names only the module",
    },
  ],
  "unknown cacheable as argument desynchronises": [
    {
      message: 5,
      sends: /type\) twisted\.spread\.jelly\.InsecureJelly\).*not allowed \(in vec\.UnknownCounter\)/,
      why: "our message names the class; Twisted's names only the module",
    },
  ],
  "unsendable answer kills the connection": [
    {
      message: 5,
      sends: /^\(error 1 .*type\) builtins\.ValueError\).*655361/,
      staysOpen: true,
      why: "a result that cannot be sent is an error of that call and does not end the connection (trap 4)",
    },
  ],
  "raw: arguments are not jelly": [
    {
      message: 5,
      sends: /^\(error 1 .*type\) builtins\.ValueError\)/,
      why: "Twisted sends an internal AttributeError; our message describes the value",
    },
  ],
};

/** Actions of our server that the client does not request, by the index of the message they precede. */
const scripts: Partial<Record<string, (root: VecRoot, replay: Replay) => ReplayPlan["before"]>> = {
  "answers out of order": (root) => ({ 8: () => root.later[1]!("second"), 9: () => root.later[0]!("first") }),
  "cacheable life cycle": (root) => ({
    6: () => void root.counter.set(7).then((answers) => expect(answers).toEqual([8])),
  }),
  "observe crosses decache": (root, { link }) => ({
    6: () => link.hold(),
    7: () => void root.counter.set(9).then((answers) => expect(answers).toEqual([10])),
    8: () => link.release(),
  }),
  "cachemessage from stoppedObserving": (root) => ({ 6: () => (root.counter.finalValue = -1) }),
  "disconnect with a live cache": (_root, { peer }) => ({ 6: () => peer.close() }),
  "logout by disconnect": (_root, { peer }) => ({ 9: () => peer.close() }),
};

const options: Partial<Record<string, BrokerOptions>> = {
  "ordinary exception, unsafeTracebacks": { unsafeTracebacks: true },
  // Without the option, an error that travels by copy is sent in a form that peers without its class can read too.
  "Jellyable pb.Error": { errorCopies: true },
};

/** The login challenges in a recording. They were random, so our server must use the same ones. */
function challengesOf(transcript: Transcript): Expression[] {
  const answers = transcript.entries.map((_entry, index) => messageAt(transcript, index) as Expression[]);
  return answers
    .map((answer) => answer[2] as Expression[])
    .filter((value) => Array.isArray(value) && value.length === 3 && value[1] instanceof Uint8Array)
    .map((value) => value[1]!)
    .filter((challenge) => (challenge as Uint8Array).length === 16);
}

type Counts = Readonly<Record<string, number>>;

describe("our server with a recorded client", () => {
  test.each(transcripts.map((transcript) => [transcript.name, transcript] as const))("%s", async (name, transcript) => {
    const root = new VecRoot(challengesOf(transcript), { acceptsPasswords: !name.includes("anonymous-only") });
    await replaySession(transcript, "server", (replay) => ({
      options: { ...vecOptions, root, ...options[name] },
      before: scripts[name]?.(root, replay) ?? {},
      deviations: deviations[name],
      marks: {
        connection: (noted: "alive" | "lost", { isOpen }) => expect(isOpen ? "alive" : "lost").toBe(noted),
        logouts: (noted: string[]) => expect(root.logouts).toEqual(noted),
        "stoppedObserving calls": (noted: number) => expect(root.counter.stopped).toBe(noted),
        // Our statistics leave out the root, which the peer cannot release.
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
