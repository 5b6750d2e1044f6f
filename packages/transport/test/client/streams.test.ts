// Streams that are results of calls over a reconnecting client.

import { callContext, Root } from "@pb/broker";
import { ReconnectingClient } from "@pb/transport";
import { expect, onTestFinished, test } from "vitest";
import { until } from "../support/echo.js";
import { serve } from "../support/memory-network.js";

class Feed extends Root {
  closed = 0;

  /** Yields once, and then waits until it is not read anymore. */
  async *remote_news(): AsyncGenerator<string> {
    const { signal } = callContext();
    try {
      yield "first";
      await new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason as Error));
      });
    } finally {
      this.closed++;
    }
  }
}

test.each([{ once: false }, { once: true }])("the signal of a call (%o) ends its stream", async ({ once }) => {
  const feed = new Feed();
  const client = new ReconnectingClient<Feed>(serve(feed).network.dial());
  onTestFinished(() => client.close());
  const controller = new AbortController();
  const news = await client.with({ once, signal: controller.signal }).callRemote("news");
  const items: string[] = [];
  const reading = (async () => {
    for await (const item of news) items.push(item);
  })();
  await until(() => items.length === 1, "the first item");
  const reason = new Error("enough");
  controller.abort(reason);
  await expect(reading).rejects.toBe(reason);
  await until(() => feed.closed === 1, "the end of the source");
});
