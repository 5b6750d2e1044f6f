// The default limit on the memory of all connections depends on the heap that the process may use.

import { Root } from "@pb/broker";
import type { BrokerOptions } from "@pb/broker";
import { getHeapStatistics } from "node:v8";
import { expect, test } from "vitest";
import { clientConfig } from "../src/client/connect.js";
import { withNodeDefaults } from "../src/platform.js";

class Target extends Root {}

const usual = Math.floor((getHeapStatistics().heap_size_limit * 3) / 8);

test("all connections may take three eighths of the heap by default", () => {
  expect(clientConfig(undefined).limits.processHeapBytes).toBe(usual);
  const limits = { processHeapBytes: undefined } as unknown as NonNullable<BrokerOptions["limits"]>;
  expect(withNodeDefaults({ limits }).limits).toEqual({ processHeapBytes: usual });
});

test("a limit of the program replaces that, and leaves other options", () => {
  const root = new Target();
  const options = withNodeDefaults({ root, limits: { processHeapBytes: 5, references: 7 } });
  expect(options).toMatchObject({ root, limits: { processHeapBytes: 5, references: 7 } });
});
