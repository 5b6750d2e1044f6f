import { createServer } from "node:http";
import { PrometheusExporter } from "@opentelemetry/exporter-prometheus";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { Root } from "@pb/broker";
import { connect, listen } from "@pb/node-transport";
import { observeConnections, openTelemetry } from "@pb/telemetry";

class Clock extends Root {
  remote_now() {
    return Date.now();
  }
}

const exporter = new PrometheusExporter({ preventServerStart: true }); // or its own server, on port 9464
const meterProvider = new MeterProvider({ readers: [exporter] });
const telemetry = openTelemetry({ meterProvider });
const server = await listen("tcp:0:interface=127.0.0.1", new Clock(), { broker: { telemetry } });
observeConnections(server, { meterProvider });
const web = createServer((request, response) => exporter.getMetricsRequestHandler(request, response));
await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));

const client = await connect(`tcp:127.0.0.1:${server.port}`);
await (await client.getRootObject<Clock>()).callRemote("now");
const { port } = web.address() as { port: number };
const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
console.log(text.match(/^(rpc_server_call_duration_count|pb_connections|pb_calls_running)\{.*/gm)?.join("\n"));

await client.close();
await server.close();
await meterProvider.shutdown();
web.closeAllConnections();
web.close();
