/** @pb with @pb/telemetry and the SDK of OpenTelemetry at both ends. All spans are kept, and exported to nowhere. */

import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { openTelemetry } from "@pb/telemetry";
import * as library from "./pb.js";
import type { Client, credentials } from "../library.js";

const exporter = {
  export: (_spans: unknown, done: (result: { readonly code: 0 }) => void) => done({ code: 0 }),
  shutdown: () => Promise.resolve(),
};
const tracerProvider = new TracerProvider({ spanProcessors: [new BatchSpanProcessor({ exporter })] });
const options = { telemetry: openTelemetry({ tracerProvider, meterProvider: new MeterProvider() }) };

export const serve = (): Promise<number> => library.serve(options);
export const connect = (port: number, user?: typeof credentials): Promise<Client> =>
  library.connect(port, user, options);
