// What two ends of this library can do more is invisible to a stock Twisted peer (docs/extension.md).

import { fileURLToPath } from "node:url";
import { describe, expect, inject, test } from "vitest";
import { Broker, CallTimeoutError } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { Program } from "../../../../tools/process/program.js";
import { pythonEnvironment } from "../../../../tools/twisted/twisted.js";
import { rejection } from "../support/raw-peer.js";
import { TestLink } from "../support/socket-link.js";

const script = fileURLToPath(new URL("../../../../tools/interop/peers/pb_server.py", import.meta.url));

/** Records what is sent. */
async function connect(port: number, extensions: boolean) {
  const link = await TestLink.connect(port);
  const sent: Uint8Array[] = [];
  const send = link.send.bind(link);
  link.send = (bytes) => {
    sent.push(bytes.slice());
    send(bytes);
  };
  const broker = new Broker(link, { extensions });
  return { broker, sent, root: await broker.getRootObject() };
}

async function ordinaryCalls(root: RemoteReference, broker: Broker): Promise<unknown[]> {
  const child = (await root.callRemote("get_child")) as RemoteReference;
  const results = [await root.callRemote("add", 1, 2), await child.callRemote("ping", 3)];
  root.sendRemote("note", 1);
  results.push(await rejection(root.callRemote("raise_error", "value", "no")));
  await broker.ping();
  child[Symbol.dispose]();
  results.push(await root.callRemote("add", 4, 5));
  return results;
}

describe.each(inject("twisteds"))("Twisted $version", (twisted) => {
  const command = [twisted.python, script, "root", "0", "--log", "--lifetime", "600"] as const;

  test("gets the same bytes for ordinary calls, and logs nothing of what it does not have", async () => {
    await using server = new Program("Twisted's server", command, { env: pythonEnvironment() });
    const { listening } = await server.nextJson<{ listening: number }>();
    const plain = await connect(listening, false);
    const extended = await connect(listening, true);
    await ordinaryCalls(plain.root, plain.broker);
    await ordinaryCalls(extended.root, extended.broker);
    expect(Buffer.concat(extended.sent)).toEqual(Buffer.concat(plain.sent));

    // A deadline, a timeout, a cancellation, a goodbye, and chains: on a connection that has not asked, and after that.
    for (let chain = 0; chain < 2; chain++) {
      const { root, broker } = await connect(listening, true);
      const chained = [root.pipe("get_child").call.ping!(1), root.pipe("get_child").callRemote("ping", 2)];
      expect(await Promise.all(chained)).toEqual([2, 3]);
      const failed = root.pipe("raise_error", "value", "no");
      expect(await rejection(failed.call.ping!(1))).toMatchObject({ cause: await rejection(failed) });
      const slow = await rejection(root.with({ timeoutMs: 1 }).callRemote("delay", 0.2, 1));
      expect(slow).toBeInstanceOf(CallTimeoutError);
      expect(await root.with({ timeoutMs: 600_000 }).callRemote("add", 1, 1)).toBe(2);
      expect(await broker.goAway()).toBe(false);
      expect(await root.callRemote("add", 2, 2)).toBe(4);
      await broker.close();
    }
    // The log works: a call of a missing method appears in it, after all that was logged before.
    await rejection(plain.root.callRemote("nosuch"));
    await expect.poll(() => server.stderr, { timeout: 120_000 }).toContain("nosuch");
    const logged = server.stderr.match(/Peer will receive following PB traceback/g);
    expect(logged).toHaveLength(1 + 1 + 2 + 1); // Of raise_error, and of the missing method. Nothing else is logged:
    expect(server.stderr.match(/Unhandled/g)).toHaveLength(5);
    expect(server.stderr).not.toContain("Invalid Object ID");
    await Promise.all([plain.broker.close(), extended.broker.close()]);
  });
});
