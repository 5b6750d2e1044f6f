// The contract from a WebSocket to unmodified Twisted: through a gateway, and to the WebSocket server of Twisted 26.4.

import { gateway } from "@pb/web-transport/node";
import { connect } from "@pb/web-transport";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, inject, test } from "vitest";
import { WebSocket } from "ws";
import type { Twisted } from "../twisted/twisted.js";
import { allVerdicts, checks } from "./client.js";
import type { Dialect, Variant } from "./contract.js";
import { pairings, SERVER_LIFETIME, twistedProgram } from "./pairings.js";

const rows = pairings
  .filter(({ half }) => half === "client")
  .map(({ variant, dialect }) => [variant, dialect] as const);

const twisteds = inject("twisteds");

/** Twisted 22.4 has no WebSocket server, and that of 26.4 needs the extra `websocket`. */
const withWebSocket = twisteds.filter(
  ({ python }) => spawnSync(python, ["-c", "import twisted.web.websocket"]).status === 0,
);

function startTwisted(twisted: Twisted, variant: Variant, ...options: string[]) {
  return twistedProgram(twisted, "pb_server.py", variant, "0", "--lifetime", SERVER_LIFETIME, ...options);
}

async function expectAll(what: string, port: number, variant: Variant, dialect: Dialect): Promise<void> {
  const verdicts = await allVerdicts({
    variant,
    dialect,
    connect: (broker) => connect(`ws://127.0.0.1:${port}/`, { broker, webSocket: WebSocket }),
  });
  expect(verdicts.filter(({ ok }) => !ok)).toEqual([]);
  expect(verdicts).toHaveLength(Object.keys(checks[variant]).length);
  console.log(`${what}, ${variant}, dialect ${dialect}: ${verdicts.length} checks`);
}

describe.each(twisteds)("a gateway to Twisted $version", (twisted) => {
  test.each(rows)("%s, dialect %s", async (variant, dialect) => {
    await using program = startTwisted(twisted, variant);
    const { listening } = await program.nextJson<{ listening: number }>();
    await using server = await gateway({ listen: "ws:0:interface=127.0.0.1", to: `tcp:127.0.0.1:${listening}` });
    await expectAll(`Gateway, Twisted ${twisted.version}`, server.port, variant, dialect);
  });
});

/** The methods that the checks call: those of the server's programs and of the logins, and one that is missing. */
const methods = ["pb_server.py", "pb_contract.py"]
  .flatMap((file) => [
    ...readFileSync(new URL(`peers/${file}`, import.meta.url), "utf8").matchAll(
      /\b(?:remote|perspective|view|observe)_(\w+)/g,
    ),
  ])
  .map(([, name]) => name!)
  .concat("login", "loginAnonymous", "respond", "nosuch");

test.each(twisteds)("a gateway that reads each call, to Twisted $version", async (twisted) => {
  await using program = startTwisted(twisted, "portal");
  const { listening } = await program.nextJson<{ listening: number }>();
  const target = `tcp:127.0.0.1:${listening}`;
  await using server = await gateway({ listen: "ws:0:interface=127.0.0.1", to: target, methods });
  await expectAll(`Gateway with methods, Twisted ${twisted.version}`, server.port, "portal", "pb");
});

describe.each(withWebSocket)("the WebSocket server of Twisted $version", (twisted) => {
  test.each(rows)("%s, dialect %s", async (variant, dialect) => {
    await using program = startTwisted(twisted, variant, "--web-socket");
    const { listening } = await program.nextJson<{ listening: number }>();
    await expectAll(`WebSocket of Twisted ${twisted.version}`, listening, variant, dialect);
  });
});

test.runIf(process.env.CI === "true")("CI has a Twisted with a WebSocket server", () => {
  expect(withWebSocket).not.toEqual([]);
});
