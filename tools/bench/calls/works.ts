// The works, as the tables show them, and how fast we want to be.

import type { Name } from "./contender.js";
import type { Work } from "./work.js";

export interface WorkAbout {
  readonly work: Work;
  readonly title: string;
  /** What is counted, in the plural. */
  readonly unit: string;
  /** How often faster than these we want to be. */
  readonly targets?: Partial<Record<Name, number>>;
}

/** By the name that `npm run bench -- NAME` takes. */
export const works: readonly WorkAbout[] = [
  { work: "one", title: "echo of a small dict, one call at a time", unit: "calls", targets: { "raw JSON": 0.9 } },
  {
    work: "hundred",
    title: "echo of a small dict, 100 calls in flight",
    unit: "calls",
    targets: { "raw JSON": 0.7, "socket.io": 1.5, "Cap'n Web": 3, "grpc-js": 15, Twisted: 20 },
  },
  { work: "reference", title: "a call that returns a reference, and one on it", unit: "pairs" },
  { work: "one-way", title: "one-way calls with a small dict", unit: "calls" },
  { work: "bytes", title: "a byte string of 1 MB", unit: "strings" },
  { work: "updates-1", title: "updates of a cached object, ten a turn, to 1 observer", unit: "updates" },
  { work: "updates-100", title: "updates of a cached object, ten a turn, to 100 observers", unit: "updates" },
  { work: "login", title: "connect, log in, disconnect", unit: "logins" },
];
