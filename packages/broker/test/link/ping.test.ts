// What we do to see whether a peer is alive costs a stock Twisted peer nothing but the answer.

import { fileURLToPath } from "node:url";
import { describe, expect, inject, test } from "vitest";
import { Broker } from "@pb/broker";
import { Program } from "../../../../tools/process/program.js";
import { pythonEnvironment } from "../../../../tools/twisted/twisted.js";
import { rejection } from "../support/raw-peer.js";
import { TestLink } from "../support/socket-link.js";

const script = fileURLToPath(new URL("../../../../tools/interop/peers/pb_server.py", import.meta.url));

describe.each(inject("twisteds"))("Twisted $version", (twisted) => {
  test("answers pings, bears signs of life, and notes neither in its log", async () => {
    const command = [twisted.python, script, "root", "0", "--log", "--lifetime", "600"] as const;
    await using server = new Program("Twisted's server", command, { env: pythonEnvironment() });
    const { listening } = JSON.parse((await server.nextLine())!) as { listening: number };
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

    // Its log works: a method that does not exist is noted.
    await rejection(root.callRemote("nosuch"));
    await expect.poll(() => server.stderr).toContain("No such method");
    await broker.close();
  });
});
