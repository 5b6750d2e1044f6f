// Gauges of the connections of a server, from their statistics.

import { checkOptions } from "@pb/jelly-types";
import { metrics } from "@opentelemetry/api";
import type { MeterProvider, ObservableGauge } from "@opentelemetry/api";
import type { BrokerStats } from "@pb/broker";
import { SCOPE, VERSION } from "./open-telemetry.js";

/** What is used of a server of `@pb/node-transport` or `@pb/web-transport`. */
export interface ObservedServer {
  /** The open connections. */
  readonly connections: Iterable<{ stats(): BrokerStats }>;
  /** Calls `watcher` with each event. Without it, refusals are not counted. */
  onEvent?(watcher: (event: { readonly kind: string }) => void): Disposable;
}

/** The options of `observeConnections`. */
export interface ConnectionMetricsOptions {
  /** Where the metrics go. Default: the global provider of `@opentelemetry/api`. */
  readonly meterProvider?: MeterProvider | undefined;
}

/** The sums over all connections, by the names of their gauges. */
const GAUGES: Readonly<Record<string, [description: string, unit: string, of: (stats: BrokerStats) => number]>> = {
  "pb.connections": ["Connections", "{connection}", () => 1],
  "pb.connections.paused": [
    "Peers that are not read",
    "{connection}",
    (stats) => (stats.pausedBy === undefined ? 0 : 1),
  ],
  "pb.queue.size": ["Bytes that peers have not read", "By", (stats) => stats.bytesQueued],
  "pb.calls.running": ["Calls of peers that have not finished", "{call}", (stats) => stats.callsRunning],
  "pb.calls.waiting": ["Calls of this end that wait for an answer", "{call}", (stats) => stats.callsWaiting],
  "pb.references.given": ["Objects that peers hold", "{reference}", (stats) => stats.referencesGiven],
  "pb.references.held": ["Objects of peers that this end holds", "{reference}", (stats) => stats.referencesHeld],
};

/**
 * Measures the connections of a server whenever metrics are read: `pb.connections`, `pb.calls.running` and others, and
 * counts in `pb.refused` what it has refused, by limit. Dispose of the result to end it.
 */
export function observeConnections(server: ObservedServer, options: ConnectionMetricsOptions = {}): Disposable {
  checkOptions<ConnectionMetricsOptions>(options, { meterProvider: "object" });
  const meter = (options.meterProvider ?? metrics).getMeter(SCOPE, VERSION);
  const gauges = Object.entries(GAUGES).map(([name, [description, unit, of]]) => {
    return { gauge: meter.createObservableGauge(name, { description, unit }), of };
  });
  const observe = (result: { observe(gauge: ObservableGauge, value: number): void }): void => {
    const all = Array.from(server.connections, (connection) => connection.stats());
    for (const { gauge, of } of gauges) {
      const sum = all.reduce((total, stats) => total + of(stats), 0);
      result.observe(gauge, sum);
    }
  };
  const observables = gauges.map(({ gauge }) => gauge);
  meter.addBatchObservableCallback(observe, observables);
  const refused = meter.createCounter("pb.refused", { description: "What the server has refused, by limit" });
  const watching = server.onEvent?.((event) => {
    if (event.kind !== "refused") return;
    const { limit, omitted = 0 } = event as { readonly limit?: string; readonly omitted?: number };
    refused.add(1 + omitted, { "pb.limit": limit ?? "unknown" });
  });
  return {
    [Symbol.dispose]() {
      meter.removeBatchObservableCallback(observe, observables);
      watching?.[Symbol.dispose]();
    },
  };
}
