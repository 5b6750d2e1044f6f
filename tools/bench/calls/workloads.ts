/** The workloads of the bench of calls, their goals, and what was measured about those that are below them. */

import type { ContenderName } from "./contender.js";

export interface Workload {
  /** The argument of `npm run bench -- NAME`. */
  readonly name: "one" | "text" | "hundred" | "reference" | "one-way" | "bytes" | "updates-1" | "updates-100" | "login";
  readonly title: string;
  /** What is counted, in the plural. */
  readonly unit: string;
  /** How many times as fast as these contenders @pb should be. */
  readonly goals?: Partial<Record<ContenderName, number>>;
  /** For a goal that is not reached: the profile and what was tried, as measured. */
  readonly below?: string;
}

export const workloads: readonly Workload[] = [
  {
    name: "one",
    title: "Echo of a small dict, one call at a time",
    unit: "calls",
    goals: { "raw JSON": 0.95 },
    below: `The server makes one \`read\`, one \`write\` and one wait for a call, as with raw JSON (counted with strace). Fewer
promises, one write for a turn, and views instead of copies were the gains so far. Calls cannot share an async scope, because
Node does not tell whether a method has entered anything. With one core for both processes, @pb reached 0.86 to 0.94 of the
speed of raw JSON.`,
  },
  {
    name: "text",
    title: "Echo of a text of ten bytes, one call at a time",
    unit: "calls",
    goals: { "ws and JSON": 1 / 1.1 },
    below: `The server makes one \`read\`, one \`write\` and one wait for a call, as with \`ws\` (counted with strace).`,
  },
  {
    name: "hundred",
    title: "Echo of a small dict, 100 calls in flight",
    unit: "calls",
    goals: { "raw JSON": 1, "socket.io": 1.5, "Cap'n Web": 3, "grpc-js": 15, Twisted: 20 },
    below: `A call has 178 bytes and its answer 156, because Twisted requires a tagged list for each text and each key; as JSON, they
have 80 and 73. At the server, 13 % of the time are \`write\`, 11 % finding the end of each message, 15 % reading the arguments,
and 12 % writing the results. \`JSON.parse\` and \`JSON.stringify\` do that in native code.
Needed: fewer bytes, which means a form of calls that only ends of @pb know.`,
  },
  {
    name: "reference",
    title: "A call that returns a reference, and one on it",
    unit: "pairs",
    goals: { "Cap'n Web": 1.2 },
    below: `Both send the second call without waiting for the first. @pb sends a third message, which releases the reference.`,
  },
  {
    name: "one-way",
    title: "One-way calls with a small dict",
    unit: "calls",
    goals: { "raw JSON": 0.95 },
    below: `The server has the most work: 38 % of its time is reading the arguments, 13 % finding the end of each message, 10 % its
head, and 5 % the async scope and the method. Raw JSON parses half as many bytes in native code, and looks up a function.`,
  },
  {
    name: "bytes",
    title: "A byte string of 1 MB",
    unit: "strings",
    goals: { "raw JSON": 0.9, "socket.io": 1.5 },
    below: `A string has at most 640 kB, so a megabyte is sent in pages. At the server, 40 % of the time is \`write\`, and 17 % writing the
message, which copies the page. The client makes three copies: into the scanner, out of it as a page, and into the whole. Pages of
250,000 and 500,000 bytes took as long, and so did a function that copied each page from the scanner into the whole. Buffers start
collections of the whole heap only where more than 8 MB of it are old objects. With 8.5 MB, the client had 151 of them in 1,050 strings,
which took most of its time; with 0.8 MB less, since the text of the program takes one byte for each character, 6 in 1,000. A larger
heap changes that again: with 60,000 more objects, raw frames had 59 in 1,000 strings, and variants of @pb 1 to 33. Buffers that are
used again, for writing, for the sockets of clients and in the scanner, were the other gain. It took 3.2 ms of processor time instead
of 5.7 (raw frames 1.6, socket.io 2.0; medians of 4 to 6 rounds on a busy machine). Needed: a string of any length in one message
between ends of @pb, written without a copy and read into a buffer of its own.`,
  },
  {
    name: "updates-1",
    title: "Updates of a cached object, ten a turn, to 1 observer",
    unit: "updates",
    goals: { "raw JSON": 0.9 },
  },
  {
    name: "updates-100",
    title: "Updates of a cached object, ten a turn, to 100 observers",
    unit: "updates",
    goals: { "raw JSON": 0.9 },
    below: `The client has the most work, because it reads the 100 copies of each update, in 1.4 µs each: finding the end of the
message (14 %), its head (9 %), its arguments (23 %), and the call with its async scope (24 %). The server spends 54 % of its time in
\`write\`, once for each observer and turn, as raw JSON does, and 27 % in \`broadcast\`, which writes the arguments once.
Needed: one message for all copies that a peer has, which Twisted's protocol does not have.`,
  },
  {
    name: "login",
    title: "Connect, log in, disconnect",
    unit: "logins",
    goals: { Twisted: 1 },
    below: `The server needed 2.95 ms (2.09 to 3.22) of processor time for a login, and 0.76 ms (0.67 to 1.02) for a connection with one
call and without a login, in turns on a busy machine. No function takes more than 4 %, apart from the system: \`write\` and
\`connect\` 20 %, garbage collection 8 %, stacks of errors 5 %, random numbers 3 %. The client asks for SCRAM first, which the server
of this bench refuses because only then both do the same login: one more round trip, and an error that is sent and thrown. Both ends
together write seven times, of which the choice of the dialect and the first call are one. The client does not remember the refusal:
an attacker who refuses once would keep it from the stronger login. Needed: a server that says which logins it has before the client
asks, and a refusal without an error that is thrown.`,
  },
];
