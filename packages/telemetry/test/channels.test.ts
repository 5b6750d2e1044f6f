// Calls on the channels of diagnostics_channel.

import { AsyncLocalStorage } from "node:async_hooks";
import { tracingChannel } from "node:diagnostics_channel";
import { PBError, Root } from "@pb/broker";
import { callChannelNames, callChannels } from "@pb/telemetry/node";
import type { CallMessage } from "@pb/telemetry/node";
import { expect, onTestFinished, test } from "vitest";
import { open } from "./support.js";

class Shop extends Root {
  readonly stores: (string | undefined)[] = [];
  async remote_echo(value: unknown): Promise<unknown> {
    this.stores.push(storage.getStore());
    await Promise.resolve();
    this.stores.push(storage.getStore());
    return value;
  }
  remote_fail(): never {
    throw new PBError("no apples");
  }
}

const storage = new AsyncLocalStorage<string>();

/** Subscribes to a channel, and returns the events of its calls. */
function subscribe(name: string): string[] {
  const log: string[] = [];
  const channel = tracingChannel<unknown, CallMessage>(name);
  const note = (event: string) => (message: object) => {
    const { call, end, error } = message as CallMessage;
    log.push([event, call.method, end?.outcome, (error as Error | undefined)?.name].filter(Boolean).join(" "));
  };
  const events = ["start", "end", "asyncStart", "asyncEnd", "error"] as const;
  const handlers = Object.fromEntries(events.map((event) => [event, note(event)])) as Record<
    string,
    (message: object) => void
  >;
  channel.subscribe(handlers as never);
  onTestFinished(() => channel.unsubscribe(handlers as never));
  return log;
}

test("a call has the events of a promise at both ends", async () => {
  const [client, server] = [subscribe("pb.client.call"), subscribe("pb.server.call")];
  expect(callChannelNames).toEqual({ client: "pb.client.call", server: "pb.server.call" });
  const { root } = await open(new Shop(), { telemetry: callChannels() }, { telemetry: callChannels() });
  await root.callRemote("echo", 1);
  expect(client).toEqual(["start echo", "end echo", "asyncStart echo ok", "asyncEnd echo ok"]);
  expect(server).toEqual(["start echo", "end echo", "asyncStart echo ok", "asyncEnd echo ok"]);
  for (const log of [client, server]) log.length = 0;
  await root.callRemote("fail").catch(() => undefined);
  expect(client.slice(2)).toEqual(
    ["error", "asyncStart", "asyncEnd"].map((event) => `${event} fail failed RemoteError`),
  );
  expect(server.slice(2)).toEqual(["error", "asyncStart", "asyncEnd"].map((event) => `${event} fail failed PBError`));
});

test("a call that does not run has all events too", async () => {
  const server = subscribe("pb.server.call");
  const { root } = await open(new Shop(), { telemetry: callChannels() }, {});
  await root.callRemote("nothing" as "fail").catch(() => undefined);
  const all = ["start", "end", "error", "asyncStart", "asyncEnd"];
  expect(server.map((text) => text.split(" ", 1)[0])).toEqual(all);
  server.length = 0;
  // A call that is refused before it has an object to run on.
  const error = new PBError("no object");
  const size = { bytes: 0, answerBytes: 0 };
  callChannels().incoming!({} as never)!.settled!({
    outcome: "refused",
    durationMs: 0,
    error,
    errorClass: "PBError",
    ...size,
  });
  expect(server.map((text) => text.split(" ", 1)[0])).toEqual(all);
});

test("what is bound to the start of a call is there in the method, also behind an await", async () => {
  const { start } = tracingChannel<unknown, CallMessage>("pb.server.call");
  start.bindStore(storage, ({ call }) => `span of ${call.method!}`);
  onTestFinished(() => void start.unbindStore(storage));
  subscribe("pb.server.call");
  const shop = new Shop();
  const { root } = await open(shop, { telemetry: callChannels() }, {});
  await root.callRemote("echo", 1);
  expect(shop.stores).toEqual(["span of echo", "span of echo"]);
});

test("without subscribers, calls are not observed", async () => {
  const telemetry = callChannels();
  expect([telemetry.outgoing!({} as never), telemetry.incoming!({} as never)]).toEqual([undefined, undefined]);
  const { root } = await open(new Shop(), { telemetry }, { telemetry });
  expect(await root.callRemote("echo", 1)).toBe(1);
});
