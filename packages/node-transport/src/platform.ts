// The functions of Node that @pb/transport needs.

import type { BrokerOptions } from "@pb/broker";
import { defaultPlatform, withDefaultWatcher } from "@pb/transport";
import type { Platform } from "@pb/transport";
import { getHeapStatistics } from "node:v8";

/** Warnings are those of the process, with the name `PBWarning`: `process.on("warning", …)` observes them. */
export const nodePlatform: Platform = {
  ...defaultPlatform,
  afterTurn: (callback) => void setImmediate(callback),
  warn: (message) => process.emitWarning(message, { type: "PBWarning" }),
};

/** The part of V8's heap that all connections may take: see `processHeapBytes`. */
const HEAP_SHARE = 3 / 8;

/**
 * Completes the options of a broker with what only the platform knows: errors of the program become warnings of the
 * process, and memory is limited to a part of the heap that this process or worker may use.
 */
export function withNodeDefaults(options: BrokerOptions | undefined): BrokerOptions {
  const completed = withDefaultWatcher(options, nodePlatform.warn);
  const { limits = {} } = completed;
  // Limits that are no object, or not numbers, are refused where they are checked.
  if (typeof limits !== "object" || (limits as unknown) === null || Array.isArray(limits)) return completed;
  if (limits.processHeapBytes !== undefined) return completed;
  const processHeapBytes = Math.floor(getHeapStatistics().heap_size_limit * HEAP_SHARE);
  return { ...completed, limits: { ...limits, processHeapBytes } };
}
