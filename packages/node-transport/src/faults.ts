// What becomes of faults that nobody watches for: a warning of the process, so that none is lost in silence.

import type { BrokerEvent, BrokerOptions } from "@pb/broker";

/** The options with a watcher: the program's own or, where there is none, one that warns of faults (`process.on("warning")` hears it). */
export function watched<Options extends Omit<BrokerOptions, "root">>(options: Options | undefined): Options {
  return { onEvent: warnOfFault, ...options } as Options;
}

function warnOfFault(event: BrokerEvent): void {
  switch (event.kind) {
    case "method-failed":
      warn(`The remote method ${event.method} failed`, event.error);
      break;
    case "answer-failed":
      warn("A remote call could not be answered", event.error);
      break;
    case "callback-failed":
      warn("A callback of a connection failed", event.error);
      break;
    default:
  }
}

function warn(what: string, error: unknown): void {
  const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.emitWarning(`${what}: ${why}`, { type: "PBWarning" });
}
