// What a browser has to do: the contract over each transport, as over TCP, and other scenarios with their outcomes.

import type { Dialect, Variant } from "../interop/contract.js";

export interface Row {
  readonly name: string;
  readonly transport: string;
  readonly variant: Variant;
  readonly dialect: Dialect;
  /** Of its own server, if the transport is a WebSocket. */
  readonly path: string;
}

export const transports: readonly string[] = [
  "WebSocket from a page",
  "WebSocket from a worker",
  "WebSocket from a shared worker",
  "WebSocket from an iframe",
  "MessagePort",
  "Worker",
  "SharedWorker",
  "iframe",
];

/** The rows of tools/interop/web.test.ts for TCP, for each transport. */
export const contracts: readonly Row[] = transports.flatMap((transport) =>
  (["root", "portal"] as const).flatMap((variant) =>
    (["pb", "none"] as const).map((dialect) => ({
      name: `${transport}, ${variant}, dialect ${dialect}`,
      path: `/${transport.replace(/\W+/g, "-")}/${variant}/${dialect}`,
      transport,
      variant,
      dialect,
    })),
  ),
);

/** The second payment is not made again when it is sent again. */
const LASTING = ["lobby: before", "OutcomeUnknownError", 2, "lobby: after"];

/** The outcome of each other scenario. */
export const outcomes: Readonly<Record<string, unknown>> = {
  "SCRAM login, page": ["alice", "UnauthorizedLogin"],
  "SCRAM login, worker": ["alice", "UnauthorizedLogin"],
  "SCRAM login, shared worker": ["alice", "UnauthorizedLogin"],
  "SCRAM login, iframe": ["alice", "UnauthorizedLogin"],
  "a worker that cannot be started": "LINK_WORKER",
  "a worker that was terminated": ["unresponsive", "ConnectionLostError"],
  "an iframe that was removed": true,
  "a window of another origin": ["CONNECT_ORIGIN", "ConnectionLostError"],
  "a server that is not there": "CONNECT_FAILED",
  "a client whose server was killed and started again": [1, "OutcomeUnknownError", 2],
  "lasting references and calls that run once, WebSocket": LASTING,
  "lasting references and calls that run once, MessagePort": LASTING,
};
