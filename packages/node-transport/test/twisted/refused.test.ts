// A stock Twisted client that a server has no place for.

import { describe, expect, inject, test } from "vitest";
import { connect, listen } from "@pb/node-transport";
import { Echo } from "../support/echo.js";
import { TwistedPeer } from "./twisted-peer.js";

describe.for(inject("twisteds"))("Twisted $version", (twisted) => {
  test.for(["call", "login"] as const)(
    "learns from the error of its first %s that the server is busy",
    async (step) => {
      await using server = await listen("tcp:0:interface=127.0.0.1", new Echo(), { limits: { connections: 1 } });
      // A connection that is ready keeps its place, however long Twisted takes to start.
      await using first = await connect(`tcp:127.0.0.1:${server.port}`);
      await using client = new TwistedPeer(twisted, "refused", `tcp:127.0.0.1:${server.port}`, step);
      expect(await client.nextLine()).toBe(
        "pb.ServerBusy True The server is busy: its limit connections is reached. Try again after 10 s",
      );
      expect(first.isOpen).toBe(true);
    },
  );
});
