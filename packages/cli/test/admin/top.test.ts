// `pb top` and `pb sessions` with the admin socket of a server.

import { once } from "node:events";
import { createServer } from "node:net";
import { Avatar, Referenceable, Root } from "@pb/broker";
import type { Broker } from "@pb/broker";
import { InMemoryUsernamePasswordChecker, Portal } from "@pb/cred";
import { listen } from "@pb/node-transport";
import type { Server } from "@pb/node-transport";
import { listenAdmin } from "@pb/node-transport/admin";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { folder } from "../../../node-transport/test/support/echo.js";
import { duration, size } from "../../src/admin/table.js";
import { pb } from "../support.js";
import { connectAs } from "./users.js";

/** A login ends when its avatar is not used any more. */
const avatars: unknown[] = [];

class Thing extends Referenceable {}
class User extends Avatar {
  perspective_thing(): Thing {
    return new Thing();
  }
}

describe.skipIf(process.platform === "win32")("with an admin socket", () => {
  const place = folder();
  const path = place.file("admin.sock");
  const checker = new InMemoryUsernamePasswordChecker({ ann: "secret", "b\u001b[1mb": "secret" });
  const portal = new Portal({ requestAvatar: () => ({ avatar: new User() }) }, [checker]);
  let server: Server;
  let admin: Server;
  let client: Broker;

  async function logIn(user: string): Promise<Broker> {
    const { connection, avatar } = await connectAs<User>(server.port, user);
    avatars.push(avatar);
    await avatar.callRemote("thing");
    return connection;
  }

  beforeAll(async () => {
    server = await listen("tcp:0:interface=127.0.0.1", portal);
    admin = await listenAdmin(path, { servers: [server], portals: [portal] });
    client = await logIn("ann");
  });
  afterAll(async () => {
    await client.close();
    await admin.close();
    await server.close();
    place[Symbol.dispose]();
  });

  test("pb top prints a table once where there is no terminal", async () => {
    const { status, stdout } = await pb(["top", path]);
    expect(status).toBe(0);
    const [process, where, totals, empty, titles, row] = stdout.split("\n");
    expect(process).toMatch(/^pid \d+, up .*, node v\d+.*, memory \d+M, heap \d+M$/);
    expect(where).toBe(`127.0.0.1:${server.port} listening, 1 connections`);
    expect(totals).toMatch(/^1 sessions, 0 calls, \d+ queued, 0 paused, in 0\/s, out 0\/s$/);
    expect(empty).toBe("");
    expect(titles).toMatch(/^USER +PEER +AGE +CALLS +QUEUED +REFS +IN\/s +OUT\/s +RTT ms +PAUSED +LAST +ID$/);
    expect(row).toMatch(/^ann +tcp:127\.0\.0\.1:\d+ +\d+s +0 +\d+ +\d+ +0 +0 +[\d.-]+ +- +thing +\S+-\S+$/);
  });

  test("pb top prints a table once on a terminal that cannot move its cursor", async () => {
    const { stdout } = await pb(["top", path], { columns: 80, env: { TERM: "dumb" } });
    expect(stdout).toContain("USER");
    expect(stdout).not.toContain("\u001b");
  });

  test("pb top draws on the other screen of a terminal, as often as it is told, and within its width", async () => {
    const { stdout } = await pb(["top", path, "--times", "2", "--interval", "0.001"], { columns: 60 });
    expect(stdout.startsWith("\u001b[?1049h\u001b[H\u001b[J")).toBe(true);
    expect(stdout.endsWith("\u001b[?1049l")).toBe(true);
    expect(stdout.match(/USER/g)).toHaveLength(2);
    const control = new RegExp(`${String.fromCharCode(27)}\\[[?\\d]*[A-Za-z]`, "g");
    for (const line of stdout.replaceAll(control, "").split("\n")) expect(line.length).toBeLessThanOrEqual(60);
  });

  test("pb top ends when a server does not answer in time", async () => {
    class Frozen extends Root {
      remote_state(): Promise<never> {
        return new Promise(() => undefined);
      }

      remote_connections(): object {
        return {};
      }
    }
    const frozen = await listen({ type: "unix", path: `${path}.frozen` }, new Frozen());
    try {
      const { status, stderr } = await pb(["top", `${path}.frozen`, "--timeout", "0.05"]);
      expect([status, stderr]).toEqual([6, expect.stringContaining("(CLI_TIMEOUT)")]);
    } finally {
      await frozen.close();
    }
  });

  test("pb top asks a server with many connections for those with the highest number, and shows sums over all", async () => {
    const asked: unknown[][] = [];
    class Large extends Root {
      remote_state(): object {
        const sizes = { pid: 1, node: "v20", uptimeMs: 0, heapUsed: 0, rss: 0 };
        return { ...sizes, sessions: 3000, level: null, servers: [] };
      }

      remote_connections(...args: unknown[]): object {
        asked.push(args);
        const sums = { callsRunning: 5, callsWaiting: 1, callsHeld: 2, bytesQueued: 30, paused: 4 };
        return { total: 3000, sums, connections: [] };
      }
    }
    const large = await listen({ type: "unix", path: `${path}.large` }, new Large());
    try {
      const { stdout } = await pb(["top", `${path}.large`, "--sort", "rtt"]);
      expect(stdout).toContain("3000 sessions, 7 calls, 30 queued, 4 paused, in at least 0/s, out at least 0/s\n");
      expect(stdout).toContain("and 3000 more connections\n");
      await pb(["top", `${path}.large`, "--rows", "2000", "--json"]);
      expect(asked).toEqual([
        [1000, "latencyUs"],
        [2000, "callsRunning"],
      ]);
    } finally {
      await large.close();
    }
  });

  test("pb top ends when what listens at the socket says nothing", async () => {
    const silent = createServer().listen(`${path}.silent`);
    await once(silent, "listening");
    try {
      const { status, stderr } = await pb(["top", `${path}.silent`, "--timeout", "0.05"]);
      expect([status, stderr]).toEqual([6, expect.stringContaining("(CLI_TIMEOUT)")]);
    } finally {
      silent.close();
    }
  });

  test("pb top ends with Ctrl-C, and gives the screen back", async () => {
    const interrupt = new AbortController();
    const running = pb(["top", path], {
      columns: 100,
      signal: interrupt.signal,
      onOutput: (text) => {
        if (text.includes("USER")) interrupt.abort();
      },
    });
    const { status, stdout, stderr } = await running;
    expect([status, stderr]).toEqual([130, ""]);
    expect(stdout.endsWith("\u001b[?1049l")).toBe(true);
  });

  test("pb top ends with status 5, and gives the screen back, when the server ends", async () => {
    const dying = await listenAdmin(place.file("dying.sock"), { servers: [server] });
    const { status, stdout, stderr } = await pb(["top", place.file("dying.sock"), "--interval", "0.05"], {
      columns: 100,
      onOutput: () => void dying.destroy(),
    });
    expect([status, stderr]).toEqual([5, expect.stringContaining("CONNECTION_LOST")]);
    expect(stdout.endsWith("\u001b[?1049l")).toBe(true);
  });

  test("pb top --json prints a line for each table, with rates", async () => {
    const { stdout } = await pb(["top", path, "--json", "--times", "2", "--interval", "0.001", "--sort", "age"]);
    const lines = stdout.trimEnd().split("\n");
    expect(lines).toHaveLength(2);
    expect(JSON.parse(lines[1]!)).toMatchObject({
      pid: process.pid,
      total: 1,
      servers: [{ state: "listening" }],
      connections: [{ users: ["ann"], inRate: expect.any(Number) as number, lastAnswered: "thing" }],
    });
  });

  test("pb sessions lists sessions, and escapes what a user could send", async () => {
    await using _other = await logIn("b\u001b[1mb");
    const { stdout } = await pb(["sessions", `unix:${path}`]);
    const [titles, ...rows] = stdout.trimEnd().split("\n");
    expect(titles).toMatch(/^USER +SINCE +LOGIN +PEER +CALLS +QUEUED +REFS +CONNECTION$/);
    expect(rows.map((row) => row.split(/ {2,}/)[0])).toEqual(["ann", String.raw`b\x1b[1mb`]);
    const json = await pb(["sessions", path, "--json"]);
    expect(JSON.parse(json.stdout)).toMatchObject({ total: 2, sessions: [{ user: "ann" }, { user: "b\u001b[1mb" }] });
  });

  test("pb sessions ends and refuses sessions", async () => {
    const ended = await logIn("ann");
    expect((await pb(["sessions", path, "--disconnect", "ann", "--for", "600"])).stdout).toBe(
      "ann: 2 sessions ended; logins are refused for 10m 0s\n",
    );
    await Promise.all([ended.closed, client.closed]);
    await expect(logIn("ann")).rejects.toMatchObject({ code: "LOGIN_DENIED" });
    expect((await pb(["sessions", path, "--readmit", "ann"])).stdout).toBe("ann: logins are accepted again\n");
    expect((await pb(["sessions", path, "--readmit", "ann"])).stdout).toBe("ann: was not refused\n");
    expect((await pb(["sessions", path, "--revalidate", "--json"])).stdout).toBe('{"ended":0}\n');
    expect((await pb(["sessions", path])).stdout).toBe("no sessions\n");
  });

  test.for([
    [["sessions", path, "--for", "1"], "need --disconnect"],
    [["sessions", path, "--disconnect", "a", "--revalidate"], "exclude each other"],
    [["sessions", path, "--disconnect", "a", "--for", "x"], "expected whole seconds"],
    [["sessions", path, "--disconnect", "a", "--for", "0.5"], "expected whole seconds"],
    [["sessions", path, "--disconnect", ""], "expected the name of a user"],
    [["sessions", path, "--readmit", ""], "expected the name of a user"],
    [["top", path, "--timeout", "0"], "expected seconds"],
    [["top", path, "--times", "0"], "expected a number"],
    [["top", path, "--interval", "0"], "expected seconds"],
    [["top", path, "--sort", "beauty"], "Allowed choices"],
  ] as const)("%j is refused", async ([args, text]) => {
    const { status, stderr } = await pb(args);
    expect(status).toBe(2);
    expect(stderr).toContain(text);
  });

  test("without a server there is no connection", async () => {
    for (const command of ["top", "sessions"])
      expect(await pb([command, place.file("none")])).toMatchObject({
        status: 3,
        stderr: expect.stringContaining("ENOENT") as string,
      });
  });
});

test("durations and sizes are short", () => {
  expect([0, 999, 61_000, 3_600_000, 90_061_000].map(duration)).toEqual(["0s", "0s", "1m 1s", "1h 0m", "1d 1h"]);
  expect([0, 999, 4200, 42_000, 1_300_000, 2e12].map(size)).toEqual(["0", "999", "4.2k", "42k", "1.3M", "2.0T"]);
});
