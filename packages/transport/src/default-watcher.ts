// The default for the option `onEvent` of a broker: errors of the program become warnings, so that they are not lost.

import type { BrokerEvent, BrokerOptions } from "@pb/broker";

/**
 * Completes the options of a broker: without an `onEvent`, errors of methods and callbacks are passed to `warn`, with
 * their stacks.
 */
export function withDefaultWatcher<Options extends Omit<BrokerOptions, "root">>(
  options: Options | undefined,
  warn: (message: string) => void,
): Options {
  return { ...options, onEvent: options?.onEvent ?? defaultWatcher(warn) } as Options;
}

/** Passes each event that is an error of the program to `warn`, and ignores the other events. */
export function defaultWatcher(warn: (message: string) => void): (event: BrokerEvent) => void {
  return (event) => {
    switch (event.kind) {
      case "method-failed":
        warn(`The remote method ${event.method} failed: ${describe(event.error)}`);
        break;
      case "answer-failed":
        warn(`A remote call could not be answered: ${describe(event.error)}`);
        break;
      case "callback-failed":
        warn(`A callback of a connection failed: ${describe(event.error)}`);
        break;
      default:
    }
  };
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
