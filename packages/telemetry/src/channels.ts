// Calls on the tracing channels of Node's diagnostics_channel.

import { tracingChannel } from "node:diagnostics_channel";
import type { TracingChannel } from "node:diagnostics_channel";
import type { CallArrived, CallEnd, CallMade, Telemetry } from "./hooks.js";

/** The names of the tracing channels: those of their events are `tracing:pb.client.call:start` and so on. */
export const callChannelNames = { client: "pb.client.call", server: "pb.server.call" } as const;

/** The message of all events of a call. It stays the same object. */
export interface CallMessage {
  /** A call of this end (`pb.client.call`), or of the peer (`pb.server.call`). */
  readonly call: CallMade | CallArrived;
  /** How it ended. Set before `error`, `asyncStart` and `asyncEnd`. */
  end?: CallEnd;
  /** The error. Set if the call has failed. */
  error?: unknown;
}

/**
 * Hooks for the option `telemetry` of a broker that publish calls on the tracing channels `pb.client.call` and
 * `pb.server.call`. A call has the events of `tracePromise`: `start`, `end` when the method has returned or reached its
 * first `await`, `error` if it fails, `asyncStart` and `asyncEnd` when it is over. What is bound to `start` of the
 * server (`bindStore`) is there in the method. Without subscribers, nothing is published.
 */
export function callChannels(): Telemetry {
  const client = tracingChannel<unknown, CallMessage>(callChannelNames.client);
  const server = tracingChannel<unknown, CallMessage>(callChannelNames.server);
  return {
    outgoing(call) {
      if (!hasSubscribers(client)) return undefined;
      const message: CallMessage = { call };
      run(client, message, () => undefined);
      return { settled: (end) => settle(client, message, end) };
    },
    incoming(call) {
      if (!hasSubscribers(server)) return undefined;
      const message: CallMessage = { call };
      let hasRun = false;
      return {
        run(method) {
          hasRun = true;
          run(server, message, method);
        },
        settled(end) {
          if (!hasRun) run(server, message, () => undefined);
          settle(server, message, end);
        },
      };
    },
  };
}

type Channel = TracingChannel<unknown, CallMessage>;

/** `tracing.hasSubscribers` exists since Node 20.13, but not in the types of Node 20. */
function hasSubscribers(channel: Channel): boolean {
  return (channel as Channel & { readonly hasSubscribers: boolean }).hasSubscribers;
}

function run({ start, end }: Channel, message: CallMessage, method: () => void): void {
  try {
    start.runStores(message, method);
  } finally {
    end.publish(message);
  }
}

function settle({ error, asyncStart, asyncEnd }: Channel, message: CallMessage, end: CallEnd): void {
  message.end = end;
  if (end.outcome !== "ok") {
    message.error = end.error;
    error.publish(message);
  }
  asyncStart.publish(message);
  asyncEnd.publish(message);
}
