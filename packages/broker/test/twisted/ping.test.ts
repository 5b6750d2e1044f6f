// Pings and keep-alive messages: a stock Twisted peer answers pings and logs neither.

import { fileURLToPath } from "node:url";
import { describe, expect, inject, test } from "vitest";
import { Broker } from "@pb/broker";
import { Program } from "../../../../tools/process/program.js";
import { pythonEnvironment } from "../../../../tools/twisted/twisted.js";
import { rejection } from "../support/raw-peer.js";
import { TestLink } from "../support/socket-link.js";

const script = fileURLToPath(new URL("../../../../tools/interop/peers/pb_server.py", import.meta.url));

describe.each(inject("twisteds"))("Twisted $version", (twisted) => {
  test("answers pings, ignores keep-alive messages, and logs neither", async () => {
    const command = [twisted.python, script, "root", "0", "--log", "--lifetime", "600"] as const;
    await using server = new Program("Twisted's server", command, { env: pythonEnvironment() });
    const { listening } = await server.nextJson<{ listening: number }>();
    const broker = new Broker(await TestLink.connect(listening));
    const root = await broker.getRootObject();
    expect(await root.callRemote("add", 1, 2)).toBe(3);
    const before = server.stderr;

    for (let count = 0; count < 20; count++) {
      broker.keepAlive();
      expect(await broker.ping()).toBeGreaterThan(0);
    }
    expect(broker.latency()).toBeGreaterThan(0);
    expect(await root.callRemote("add", 3, 4)).toBe(7);
    expect(server.stderr).toBe(before);

    // The log is recorded: a call of a missing method appears in it.
    await rejection(root.callRemote("nosuch"));
    await expect.poll(() => server.stderr, { timeout: 120_000 }).toContain("No such method");
    await broker.close();
  });
});
