// The contract from a WebSocket, through a gateway, to unmodified Twisted servers.

import { gateway } from "@pb/web-transport/node";
import { connect } from "@pb/web-transport";
import { describe, expect, inject, test } from "vitest";
import { WebSocket } from "ws";
import { allVerdicts, checks } from "./client.js";
import { pairings, SERVER_LIFETIME, twistedProgram } from "./pairings.js";

const rows = pairings
  .filter(({ half }) => half === "client")
  .map(({ variant, dialect }) => [variant, dialect] as const);

describe.each(inject("twisteds"))("Twisted $version", (twisted) => {
  test.each(rows)("%s, dialect %s", async (variant, dialect) => {
    await using program = twistedProgram(twisted, "pb_server.py", variant, "0", "--lifetime", SERVER_LIFETIME);
    const { listening } = await program.nextJson<{ listening: number }>();
    await using server = await gateway({ listen: "ws:0:interface=127.0.0.1", to: `tcp:127.0.0.1:${listening}` });
    const url = `ws://127.0.0.1:${server.port}/`;
    const verdicts = await allVerdicts({
      variant,
      dialect,
      connect: (broker) => connect(url, { broker, webSocket: WebSocket }),
    });
    expect(verdicts.filter(({ ok }) => !ok)).toEqual([]);
    expect(verdicts).toHaveLength(Object.keys(checks[variant]).length);
    console.log(`Twisted ${twisted.version}, ${variant}, dialect ${dialect}: ${verdicts.length} checks`);
  });
});
