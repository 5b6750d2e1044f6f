// A client whose machine was asleep: what it does when the platform says that it is awake.

import { ReconnectingClient } from "@pb/transport";
import { expect, onTestFinished, test, vi } from "vitest";
import { Echo, until } from "../support/echo.js";
import { serve } from "../support/memory-network.js";

function start(firstMs: number) {
  const { network } = serve(new Echo());
  const wakers = new Set<() => void>();
  const onWake = (wake: () => void): Disposable => {
    wakers.add(wake);
    return { [Symbol.dispose]: () => void wakers.delete(wake) };
  };
  const options = { backoff: { firstMs, highestMs: firstMs }, liveness: false as const };
  const client = new ReconnectingClient<Echo>(network.dial(), options, { onWake });
  onTestFinished(() => client.close());
  const wake = (): void => {
    for (const callback of wakers) callback();
  };
  return { network, client, wake, wakers };
}

test("tries at once when it waits for its next attempt", async () => {
  const { network, client, wake } = start(1_000_000);
  await client.current();
  network.drop();
  await until(() => client.state.is === "waiting", "the client waits");
  wake();
  expect(await client.callRemote("echo", 1)).toBe(1);
});

test("keeps a connection whose peer answers, and replaces one that is silent for 5 seconds at once", async () => {
  const { network, client, wake } = start(1_000_000);
  await client.current();
  const first = client.connection!;
  const pings = vi.spyOn(first, "ping");
  wake();
  wake(); // While the first check runs, there is no second one.
  expect(pings).toHaveBeenCalledTimes(1);
  for (let ping = 0; ping < 3; ping++) await first.ping(); // The check has finished before.
  expect(client.connection).toBe(first);
  network.cut();
  const slept = performance.now();
  wake();
  expect((await first.closed).reason).toBe("unresponsive");
  expect(performance.now() - slept).toBeGreaterThan(4_900);
  expect(await client.callRemote("echo", 2)).toBe(2);
  expect(client.connection).not.toBe(first);
});

test("does not wait when the end of its connection arrives after it is awake", async () => {
  const { network, client, wake } = start(1_000_000);
  await client.current();
  wake();
  network.drop();
  expect(await client.callRemote("echo", 3)).toBe(3);
});

test("observes nothing after it was closed", async () => {
  const { client, wakers } = start(1);
  expect(wakers.size).toBe(1);
  await client.close();
  expect(wakers.size).toBe(0);
});
