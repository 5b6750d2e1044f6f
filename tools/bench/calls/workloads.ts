/** The workloads of the benches about calls, with the titles and the targets that the tables show. */

import type { ContenderName } from "./contender.js";

export interface Workload {
  /** The argument of `npm run bench -- NAME`. */
  readonly name: "one" | "hundred" | "reference" | "one-way" | "bytes" | "updates-1" | "updates-100" | "login";
  readonly title: string;
  /** What is counted, in the plural. */
  readonly unit: string;
  /** How many times as fast as these contenders @pb should be. */
  readonly targets?: Partial<Record<ContenderName, number>>;
}

export const workloads: readonly Workload[] = [
  { name: "one", title: "Echo of a small dict, one call at a time", unit: "calls", targets: { "raw JSON": 0.9 } },
  {
    name: "hundred",
    title: "Echo of a small dict, 100 calls in flight",
    unit: "calls",
    targets: { "raw JSON": 0.7, "socket.io": 1.5, "Cap'n Web": 3, "grpc-js": 15, Twisted: 20 },
  },
  { name: "reference", title: "A call that returns a reference, and one on it", unit: "pairs" },
  { name: "one-way", title: "One-way calls with a small dict", unit: "calls" },
  { name: "bytes", title: "A byte string of 1 MB", unit: "strings" },
  { name: "updates-1", title: "Updates of a cached object, ten a turn, to 1 observer", unit: "updates" },
  { name: "updates-100", title: "Updates of a cached object, ten a turn, to 100 observers", unit: "updates" },
  { name: "login", title: "Connect, log in, disconnect", unit: "logins" },
];
