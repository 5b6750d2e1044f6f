// The SDK of OpenTelemetry with exporters in memory, and two connected programs.

import { connectedPair } from "@pb/broker/testing";
import type { BrokerOptions, RemoteReference, Root } from "@pb/broker";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { TracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace";
import type { ReadableSpan, TracerProviderOptions } from "@opentelemetry/sdk-trace";
import { openTelemetry } from "@pb/telemetry";
import { onTestFinished } from "vitest";

type Options = NonNullable<Parameters<typeof openTelemetry>[0]>;

/** One program: its hooks, and what they have recorded. */
export class Recorded {
  readonly #spans = new InMemorySpanExporter();
  readonly #metrics = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  readonly tracerProvider: TracerProvider;
  readonly meterProvider: MeterProvider;
  readonly telemetry: NonNullable<BrokerOptions["telemetry"]>;

  constructor(options: Options = {}, config: TracerProviderOptions = {}) {
    this.tracerProvider = new TracerProvider({
      spanProcessors: [new SimpleSpanProcessor({ exporter: this.#spans })],
      ...config,
    });
    const reader = new PeriodicExportingMetricReader({ exporter: this.#metrics, exportIntervalMillis: 1_000_000 });
    this.meterProvider = new MeterProvider({ readers: [reader] });
    onTestFinished(() => this.meterProvider.shutdown());
    const { tracerProvider, meterProvider } = this;
    this.telemetry = openTelemetry({ tracerProvider, meterProvider, ...options });
  }

  get spans(): readonly ReadableSpan[] {
    return this.#spans.getFinishedSpans();
  }

  span(name: string): ReadableSpan {
    const span = this.spans.find((each) => each.name === name);
    if (span === undefined) throw new Error(`no span ${name}, but ${this.spans.map((each) => each.name).join()}`);
    return span;
  }

  /** The points of a metric: the attributes with the value, or the number of values of a histogram. */
  async points(name: string): Promise<object[]> {
    const points = await this.#points(name);
    return points.map(({ attributes, value }) => {
      return { ...attributes, value: typeof value === "number" ? value : (value as { count: number }).count };
    });
  }

  /** The sums of the values of a histogram. */
  async sums(name: string): Promise<unknown[]> {
    return (await this.#points(name)).map(({ value }) => (value as { sum: number }).sum);
  }

  async #points(name: string) {
    this.#metrics.reset();
    await this.meterProvider.forceFlush();
    const scopes = this.#metrics.getMetrics().flatMap((each) => each.scopeMetrics);
    const data = scopes.flatMap((scope) => scope.metrics).find((metric) => metric.descriptor.name === name);
    return data?.dataPoints ?? [];
  }
}

/** Connects a client to a server. */
export async function open<Service extends Root>(
  root: Service,
  server: BrokerOptions | undefined,
  client: BrokerOptions | undefined,
) {
  const pair = await connectedPair({ root, ...server }, client);
  onTestFinished(() => pair.close());
  return { pair, root: (await pair.client.getRootObject()) as unknown as RemoteReference<Service> };
}
