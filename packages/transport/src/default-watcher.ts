// The default for the option `onEvent` of a broker: errors of the program become warnings, so that they are not lost.

import type { BrokerEvent, BrokerOptions } from "@pb/broker";
import { printable } from "@pb/jelly-types";

/** The longest message in a warning, in UTF-16 code units. */
const LONGEST = 1_000;

/**
 * Completes the options of a broker: without an `onEvent`, errors of methods and callbacks are passed to `warn`, with
 * their stacks.
 */
export function withDefaultWatcher<Options extends Omit<BrokerOptions, "root">>(
  options: Options | undefined,
  warn: (message: string) => void,
): Options {
  const given: { readonly onEvent?: unknown } = { ...options };
  // Null stays, and is refused where the options are checked.
  return (given.onEvent === undefined ? { ...given, onEvent: defaultWatcher(warn) } : given) as Options;
}

/** Warnings at once, and milliseconds until one more: enough to find a bug, and too few to fill a disk. */
const BURST = 20;
const INTERVAL_MS = 1_000;

/**
 * Passes each event that is an error of the program to `warn`, and ignores the other events. A peer can cause such
 * errors again and again, so only 20 are passed on at once, and then one per second, which tells how many were omitted.
 */
export function defaultWatcher(warn: (message: string) => void): (event: BrokerEvent) => void {
  let left = BURST;
  let at = performance.now();
  let omitted = 0;
  return (event) => {
    const text = textOf(event);
    if (text === undefined) return;
    const now = performance.now();
    left = Math.min(BURST, left + (now - at) / INTERVAL_MS);
    at = now;
    if (left < 1) {
      omitted++;
      return;
    }
    left--;
    warn(omitted === 0 ? text : `${text}\n(${omitted} warnings before this one were omitted)`);
    omitted = 0;
  };
}

function textOf(event: BrokerEvent): string | undefined {
  switch (event.kind) {
    case "method-failed":
      return `The remote method ${event.method} failed: ${describe(event.error)}`;
    case "answer-failed":
      return `A remote call could not be answered: ${describe(event.error)}`;
    case "state-dropped":
      return `Dropped from the state of ${event.type}, whose class has methods of these names: ${event.names.join(", ")}`;
    case "attribute-lost":
      return `The attribute ${event.name} of a ${event.type} is an object around it: a Twisted peer gets a _Dereference there. Put a list around it`;
    case "unpersistable":
      return `The peer could not send an object, and a value has an Unpersistable in its place: ${event.reason}`;
    case "callback-failed":
      return `A callback of a connection failed: ${describe(event.error)}`;
    default:
      return undefined;
  }
}

/**
 * An error with its stack. The message may contain text of the peer, such as a name that a method did not find. A
 * method may also throw what it was sent, which can be a value that has no text.
 */
function describe(error: unknown): string {
  try {
    return error instanceof Error ? describeError(error) : printable(String(error), LONGEST);
  } catch {
    return "a value that cannot be printed";
  }
}

function describeError(error: Error): string {
  const parts: readonly unknown[] = [error.name, error.message, error.stack ?? ""];
  const [name, message, stack] = parts.map(String) as [string, string, string];
  // A stack contains the message that the error was created with. If that has changed, its end is unknown, and its
  // lines could be taken for frames.
  const start = stack.indexOf(message);
  const frames = (start < 0 ? "" : stack.slice(start + message.length)).match(/^ +at .*$/gm) ?? [];
  return [printable(`${name}: ${message}`, LONGEST), ...frames.map((frame) => printable(frame))].join("\n");
}
