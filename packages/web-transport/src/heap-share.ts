// The options of brokers with what only the platform knows.

import type { BrokerOptions } from "@pb/broker";
import { withDefaultWatcher } from "@pb/transport";

/** The part of V8's heap that all connections may take, as in `@pb/node-transport`: see `processHeapBytes`. */
const HEAP_SHARE = 3 / 8;

/** What is used of Node, Deno and Bun. Browsers do not have it, and their heaps are large. */
interface Platform {
  readonly process?: {
    getBuiltinModule?(name: "node:v8"): { getHeapStatistics(): { readonly heap_size_limit: number } } | undefined;
  };
}

/**
 * Completes the options of a broker: errors of the program are passed to `warn`, and memory is limited to a part of the
 * heap that this process or worker may use.
 */
export function withPlatformDefaults(
  options: BrokerOptions | undefined,
  warn: (message: string) => void,
): BrokerOptions {
  const completed = withDefaultWatcher(options, warn);
  const { limits = {} } = completed;
  // Limits that are no object, or not numbers, are refused where they are checked.
  if (typeof limits !== "object" || (limits as unknown) === null || Array.isArray(limits)) return completed;
  if (limits.processHeapBytes !== undefined) return completed;
  const heap = (globalThis as Platform).process?.getBuiltinModule?.("node:v8")?.getHeapStatistics().heap_size_limit;
  if (heap === undefined) return completed;
  return { ...completed, limits: { ...limits, processHeapBytes: Math.floor(heap * HEAP_SHARE) } };
}
