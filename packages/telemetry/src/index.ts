// @pb/telemetry: calls as spans and metrics of OpenTelemetry.

export { openTelemetry } from "./open-telemetry.js";
export type { OpenTelemetryOptions } from "./options.js";
export { combine } from "./hooks.js";
export type { CallArrived, CallEnd, CallMade, CallObserver, Telemetry } from "./hooks.js";
export { observeConnections } from "./connections.js";
export type { ConnectionMetricsOptions, ObservedServer } from "./connections.js";
