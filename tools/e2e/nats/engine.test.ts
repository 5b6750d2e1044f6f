// The NATS engine against Debian's nats-server: the compliance checks, and what only NATS has.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { engineCompliance } from "@pb/cluster/testing";
import { hasNats, NatsServer } from "./nats-server.js";
import { NatsSystem } from "./nats-system.js";

const isThere = hasNats();
if (!isThere) console.warn("SKIPPED: the tests with NATS, because there is no command nats-server");

test("CI has nats-server", () => {
  expect(process.env.CI !== "true" || isThere).toBe(true);
});

describe.skipIf(!isThere)("the NATS engine", () => {
  let server: NatsServer;
  beforeAll(async () => {
    server = await NatsServer.start();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  describe("compliance", () => {
    const system = new NatsSystem(() => server);
    afterAll(() => system[Symbol.asyncDispose]());
    test.each(engineCompliance.map(({ name, run }) => [name, run] as const))("%s", (_name, run) => run(system));
  });
});
