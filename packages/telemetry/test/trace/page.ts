// A page that calls a server, with spans in memory.

import { TracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace";
import { openTelemetry } from "@pb/telemetry";
import { connect } from "@pb/web-transport";

declare const location: { readonly host: string };

interface Shop {
  remote_price(fruit: string): unknown;
}

const exporter = new InMemorySpanExporter();
const tracerProvider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });

/** Calls the server, and returns the result with the span of the call. */
async function price(): Promise<object> {
  const connection = await connect(`ws://${location.host}/pb`, {
    broker: { telemetry: openTelemetry({ tracerProvider }) },
  });
  try {
    const shop = await connection.getRootObject<Shop>();
    const result = await shop.callRemote("price", "apple");
    const [span] = exporter.getFinishedSpans();
    return { result, name: span!.name, context: span!.spanContext(), attributes: span!.attributes };
  } finally {
    await connection.close();
  }
}

Object.assign(globalThis, { price });
