// What we do to see whether a peer is alive costs a stock Twisted peer nothing but the answer.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, inject, test } from "vitest";
import { Broker } from "@pb/broker";
import { pythonEnvironment } from "../../../../tools/twisted/twisted.js";
import type { Twisted } from "../../../../tools/twisted/twisted.js";
import { rejection } from "../support/raw-peer.js";
import { TestLink } from "../support/socket-link.js";

const script = fileURLToPath(new URL("../../../../tools/interop/peers/pb_server.py", import.meta.url));

/** Twisted's half of the contract, and everything it writes to its log. */
async function startServer({ python }: Twisted) {
  const child = spawn(python, [script, "root", "0", "--log", "--lifetime", "600"], {
    env: pythonEnvironment(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const log = { text: "" };
  child.stderr.setEncoding("utf8").on("data", (text: string) => (log.text += text));
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  return {
    log,
    port: (JSON.parse(line) as { listening: number }).listening,
    async [Symbol.asyncDispose]() {
      child.kill();
      await once(child, "exit");
    },
  };
}

describe.each(inject("twisteds"))("Twisted $version", (twisted) => {
  test("answers pings, bears signs of life, and notes neither in its log", async () => {
    await using server = await startServer(twisted);
    const broker = new Broker(await TestLink.connect(server.port));
    const root = await broker.getRootObject();
    expect(await root.callRemote("add", 1, 2)).toBe(3);
    const before = server.log.text;

    for (let count = 0; count < 20; count++) {
      broker.keepAlive();
      expect(await broker.ping()).toBeGreaterThan(0);
    }
    expect(broker.latency()).toBeGreaterThan(0);
    expect(await root.callRemote("add", 3, 4)).toBe(7);
    expect(server.log.text).toBe(before);

    // Its log works: a method that does not exist is noted.
    await rejection(root.callRemote("nosuch"));
    await expect.poll(() => server.log.text).toContain("No such method");
    await broker.close();
  });
});
