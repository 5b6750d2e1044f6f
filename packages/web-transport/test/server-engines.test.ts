// The servers of Deno and Bun in the guide. `npm run engines` runs this file there; Node has none of the two.

import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Root } from "@pb/broker";
import { connect, WebServer } from "@pb/web-transport";
import type { ServerEvent } from "@pb/web-transport";
import { WebSocket } from "ws";
import { freePort } from "../../../tools/process/ports.js";
import { errorOf, until } from "./support/echo.js";

const engine = ["Deno", "Bun"].find((name) => name in globalThis)?.toLowerCase();
const guide = readFileSync(new URL("../GUIDE.md", import.meta.url), "utf8");

test.each(["deno", "bun"])("the guide has a server of %s", (name) => {
  expect(guide).toContain(`// ${name}-server.js\n`);
});

interface Program {
  readonly server: WebServer;
  readonly http: { shutdown?: () => Promise<void>; stop?: (force: boolean) => Promise<void> };
}

describe.runIf(engine !== undefined)(`a server of ${engine ?? "no engine"}`, () => {
  let program: Program;
  let url: string;
  beforeAll(async () => {
    const [, code = ""] = new RegExp(`\`\`\`js\n// ${engine!}-server.js\n([^]*?)\`\`\``).exec(guide) ?? [];
    const port = await freePort();
    const body = code.replaceAll(/^import .*|^export /gm, "").replaceAll("8787", String(port));
    // eslint-disable-next-line @typescript-eslint/no-implied-eval -- a module could not import the sources in Deno
    program = new Function("Root", "WebServer", `${body}; return { server, http };`)(Root, WebServer) as Program;
    url = `ws://127.0.0.1:${port}/`;
  });
  afterAll(async () => {
    await program.server.close();
    await program.http.shutdown?.();
    await program.http.stop?.(true);
  });

  class Clock extends Root {
    declare remote_now: () => string;
  }

  test("answers calls, with the address and the URL of the client", async () => {
    await using connection = await connect(url);
    const clock = await connection.getRootObject<Clock>();
    expect(await clock.callRemote("now")).toMatch(/^20\d\d-/);
    const peers = [...program.server.connections].map(({ peer }) => peer);
    expect(peers).toMatchObject([{ address: "127.0.0.1", request: { url: "/?credit=1" } }]);
    await connection.close();
    await until(() => program.server.connections.size === 0);
  });

  test("takes 5 MB in calls that are larger than the credit", async () => {
    await using connection = await connect(url);
    const clock = await connection.getRootObject();
    const calls = Array.from({ length: 10 }, () => errorOf(clock.callRemote("none", new Uint8Array(500_000))));
    for (const error of await Promise.all(calls)) expect(error.message).toContain("none");
  });

  test("refuses a page of another origin", async () => {
    const events: ServerEvent[] = [];
    using _watching = program.server.onEvent((event) => events.push(event));
    const foreign = new WebSocket(url, { headers: { origin: "https://evil.example" } });
    foreign.on("error", () => undefined);
    await until(() => events.length > 0 && foreign.readyState === WebSocket.CLOSED);
    expect(events).toMatchObject([{ kind: "failed", error: { code: "CONNECT_ORIGIN" } }]);
  });
});
