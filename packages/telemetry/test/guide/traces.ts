import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { Root } from "@pb/broker";
import { connect, listen } from "@pb/node-transport";
import { openTelemetry } from "@pb/telemetry";

class Shop extends Root {
  remote_price(fruit: string) {
    if (fruit !== "apple") throw new RangeError(`no ${fruit}`);
    return 7;
  }
}

const exporter = new InMemorySpanExporter(); // that of your collector
const tracerProvider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
const telemetry = openTelemetry({ tracerProvider }); // without it, the provider that your SDK has registered

const server = await listen("tcp:0:interface=127.0.0.1", new Shop(), { broker: { telemetry, onEvent: () => {} } });
const client = await connect(`tcp:127.0.0.1:${server.port}`, { broker: { telemetry } });
const shop = await client.getRootObject<Shop>();
await shop.callRemote("price", "apple");
await shop.callRemote("price", "pear").catch(() => undefined);
await client.close();
await server.close();

const spans = exporter.getFinishedSpans();
for (const { name, parentSpanContext: parent, attributes } of spans) {
  const caller = spans.find((span) => span.spanContext().spanId === parent?.spanId);
  console.log(caller?.name ?? "-", "→", name, attributes["error.type"] ?? "ok");
}
