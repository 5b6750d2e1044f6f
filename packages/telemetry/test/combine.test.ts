// Several hooks as one.

import { AsyncLocalStorage } from "node:async_hooks";
import { Root } from "@pb/broker";
import type { BrokerEvent } from "@pb/broker";
import { combine } from "@pb/telemetry";
import type { Telemetry } from "@pb/telemetry";
import { expect, test } from "vitest";
import { open } from "./support.js";

const [FIRST, SECOND] = ["b2", "c3"].map((id) => `00-${"a1".repeat(16)}-${id.repeat(8)}-01`) as [string, string];

const storages = [new AsyncLocalStorage<string>(), new AsyncLocalStorage<string>()];

class Shop extends Root {
  remote_stores(): unknown {
    return storages.map((storage) => storage.getStore() ?? null);
  }
}

function hooks(name: string, log: string[], traceparent: string | undefined, index: number): Telemetry {
  return {
    incoming: ({ method }) => {
      log.push(`${name} ${method!}`);
      return {
        traceparent,
        run: (run) => storages[index]!.run(name, run),
        settled: ({ outcome }) => void log.push(`${name} ${outcome}`),
      };
    },
  };
}

async function call(telemetry: Telemetry) {
  const events: BrokerEvent[] = [];
  const { root } = await open(new Shop(), { telemetry, onEvent: (event) => void events.push(event) }, {});
  const result = await root.callRemote("stores");
  return { result, errors: events.map((event) => ("error" in event ? event.error : event)) };
}

test("each follows each call, in their order, and each runs the method", async () => {
  const log: string[] = [];
  const all = combine(hooks("first", log, FIRST, 0), { outgoing: () => undefined }, hooks("second", log, undefined, 1));
  expect(Object.keys(all)).toEqual(["outgoing", "incoming"]);
  expect((await call(all)).result).toEqual(["first", "second"]);
  expect(log).toEqual(["first stores", "second stores", "first ok", "second ok"]);
});

test("a call has the trace of the last of them that returns one", async () => {
  const call = {} as never;
  expect(combine(hooks("first", [], FIRST, 0), hooks("second", [], SECOND, 1)).incoming!(call)?.traceparent).toBe(
    SECOND,
  );
  expect(combine(hooks("first", [], FIRST, 0), { incoming: () => undefined }).incoming!(call)?.traceparent).toBe(FIRST);
});

test("what one throws is reported when the call ends, and the others follow the call", async () => {
  const log: string[] = [];
  const failing = (text: string): Telemetry => ({
    incoming: () => {
      throw new Error(text);
    },
  });
  const settling: Telemetry = { incoming: () => ({ settled: () => Promise.reject(new Error("late")) as never }) };
  const { result, errors } = await call(combine(failing("first"), hooks("second", log, FIRST, 1), settling));
  expect(result).toEqual([null, "second"]);
  expect(log).toEqual(["second stores", "second ok"]);
  expect(errors).toMatchObject([{ message: "first" }]);
  const both = await call(combine(failing("first"), failing("second")));
  expect(both.errors).toMatchObject([{ errors: [{ message: "first" }, { message: "second" }] }]);
});

test("none of them costs nothing", () => {
  expect(combine()).toEqual({});
  expect(combine({ outgoing: () => undefined }).outgoing!({} as never)).toBeUndefined();
});
