// Stock Twisted clients that a server has no place for, or whose place it gives to others.

import { describe, expect, inject, test } from "vitest";
import type { RootSource } from "@pb/broker";
import { connect, listen } from "@pb/node-transport";
import { Echo } from "../support/echo.js";
import { TwistedPeer } from "./twisted-peer.js";

/** Logs in with any name; with `slow`, never. */
class LoginRoot extends Echo {
  /** Our client may collect its logins, and so end them. */
  readonly #logins: unknown[] = [];

  constructor(readonly connection: Parameters<RootSource["rootObject"]>[0]) {
    super();
  }

  async remote_login(name: string): Promise<Echo> {
    if (name === "slow") return new Promise(() => undefined);
    this.#logins.push(await this.connection.admitLogin(name));
    return new Echo();
  }
}

const loginRoot: RootSource = { requiresLogin: true, rootObject: (connection) => new LoginRoot(connection) };

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

  test("sees its connection closed, and logs nothing, when another client needs the place or is the same user", async () => {
    const limits = { strangers: 2 };
    await using server = await listen("tcp:0:interface=127.0.0.1", loginRoot, {
      limits,
      logins: { sameUser: "replace" },
    });
    const here = `tcp:127.0.0.1:${server.port}`;
    await using client = new TwistedPeer(twisted, "refused", here, "sent-away");
    expect(await client.nextLine()).toBe("ready");
    await using _first = await connect(`${here}:bindAddress=127.0.0.2`);
    expect(await client.nextLine()).toBe("idle lost");
    await using second = await connect(`${here}:bindAddress=127.0.0.3`);
    // The server cannot say that it has refused a call that is running.
    expect([await client.nextLine(), await client.nextLine()].sort()).toEqual([
      expect.stringMatching(/^calling PBConnectionLost False .*ConnectionDone/),
      "calling lost",
    ]);
    await (await second.getRootObject<LoginRoot>()).callRemote("login", "ann");
    expect([await client.nextLine(), await client.nextLine()]).toEqual(["user lost", "done"]);
  });
});
