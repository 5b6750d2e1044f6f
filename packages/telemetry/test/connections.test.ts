// Metrics of the connections of a server, and their text for Prometheus.

import { PrometheusExporter } from "@opentelemetry/exporter-prometheus";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { Root } from "@pb/broker";
import { connect, listen } from "@pb/node-transport";
import { observeConnections, openTelemetry } from "@pb/telemetry";
import type { ServerResponse } from "node:http";
import { expect, onTestFinished, test } from "vitest";

class Shop extends Root {
  readonly gates: (() => void)[] = [];
  remote_wait(): Promise<void> {
    return new Promise((resolve) => this.gates.push(resolve));
  }
}

/** Asks the exporter for its text, as Prometheus does. */
function scrape(exporter: PrometheusExporter): Promise<string> {
  return new Promise((resolve) => {
    const response = { statusCode: 0, setHeader: () => undefined, end: resolve };
    exporter.getMetricsRequestHandler(undefined as never, response as unknown as ServerResponse);
  });
}

test("the connections of a server and its calls are text for Prometheus", async () => {
  const exporter = new PrometheusExporter({ preventServerStart: true });
  const meterProvider = new MeterProvider({ readers: [exporter] });
  onTestFinished(() => meterProvider.shutdown());
  const shop = new Shop();
  await using server = await listen("tcp:0:interface=127.0.0.1", shop, {
    broker: { telemetry: openTelemetry({ meterProvider }) },
    limits: { connections: 1 },
    onEvent: () => undefined,
  });
  const metrics = observeConnections(server, { meterProvider });
  const client = await connect(`tcp:127.0.0.1:${server.port}`);
  const root = await client.getRootObject<Shop>();
  const call = root.callRemote("wait");
  await expect.poll(() => shop.gates.length).toBe(1);
  await expect(connect(`tcp:127.0.0.1:${server.port}`)).rejects.toThrow("limit connections");
  await expect.poll(() => scrape(exporter)).toMatch(/^pb_refused_total\{pb_limit="connections".*\} 1$/m);
  const during = await scrape(exporter);
  for (const [name, value] of Object.entries({ pb_connections: 1, pb_calls_running: 1, pb_queue_size: 0 }))
    expect(during).toMatch(new RegExp(`^${name}(\\{.*\\})? ${value}$`, "m"));
  for (const gate of shop.gates) gate();
  await call;
  await client.close();
  await expect.poll(() => scrape(exporter)).toMatch(/^pb_connections(\{.*\})? 0$/m);
  expect(await scrape(exporter)).toMatch(/^rpc_server_call_duration_count\{.*rpc_method="Shop\/wait".*\} 1$/m);
  metrics[Symbol.dispose]();
  const later = await connect(`tcp:127.0.0.1:${server.port}`);
  await expect.poll(() => server.connections.size).toBe(1);
  expect(await scrape(exporter)).not.toMatch(/^pb_connections(\{.*\})? 1$/m);
  await later.close();
});

test("refusals that were not reported one by one are counted too, and none after the end", async () => {
  const exporter = new PrometheusExporter({ preventServerStart: true });
  const meterProvider = new MeterProvider({ readers: [exporter] });
  onTestFinished(() => meterProvider.shutdown());
  const watchers = new Set<(event: { readonly kind: string }) => void>();
  const onEvent = (watcher: (event: { readonly kind: string }) => void): Disposable => {
    watchers.add(watcher);
    return { [Symbol.dispose]: () => void watchers.delete(watcher) };
  };
  const metrics = observeConnections({ connections: [], onEvent }, { meterProvider });
  const events = [
    { kind: "refused", limit: "strangers" },
    { kind: "refused", limit: "strangers", omitted: 5 },
  ];
  for (const event of [...events, { kind: "failed", omitted: 3 }]) for (const watcher of watchers) watcher(event);
  expect(await scrape(exporter)).toMatch(/^pb_refused_total\{pb_limit="strangers".*\} 7$/m);
  metrics[Symbol.dispose]();
  expect(watchers.size).toBe(0);
});

test("wrong options are refused", () => {
  expect(() => observeConnections({ connections: [] }, { meters: 1 } as never)).toThrow(TypeError);
});
