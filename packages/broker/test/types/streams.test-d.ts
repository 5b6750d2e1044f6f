// Types of streams: what an async iterable or a `ReadableStream` arrives as, and which can be sent.

import { expectTypeOf, test } from "vitest";
import { Referenceable, Root } from "@pb/broker";
import type { RemoteReference, RemoteStream } from "@pb/broker";
import type { DateTime } from "@pb/jelly-types";

class Line extends Referenceable {
  remote_text(): string {
    return "";
  }
}

class Feed extends Root {
  async *remote_lines(): AsyncGenerator<string> {
    yield "line";
  }
  async remote_later(): Promise<AsyncIterable<Date | Line>> {
    return this.remote_dates();
  }
  async *remote_dates(): AsyncGenerator<Date | Line> {}
  remote_bytes(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return new ReadableStream();
  }
  remote_parts(): { readonly size: number; readonly parts: AsyncIterable<Uint8Array> } {
    return { size: 0, parts: this.remote_none() };
  }
  async *remote_none(): AsyncGenerator<Uint8Array> {}
  async *remote_functions(): AsyncGenerator<{ readonly run: () => void }> {}
  remote_upload(_name: string, _data: AsyncIterable<Uint8Array>): void {}
  remote_watch(_lines: RemoteStream<DateTime>): void {}
}

declare const feed: RemoteReference<Feed>;

test("a stream arrives as a stream of what arrives", () => {
  expectTypeOf(feed.callRemote("lines")).toEqualTypeOf<Promise<RemoteStream<string>>>();
  expectTypeOf(feed.call.later()).toEqualTypeOf<Promise<RemoteStream<DateTime | RemoteReference<Line>>>>();
  expectTypeOf(feed.call.bytes()).resolves.toExtend<AsyncIterable<Uint8Array>>();
  expectTypeOf(feed.call.parts()).resolves.toHaveProperty("parts").toEqualTypeOf<RemoteStream<Uint8Array>>();
  expectTypeOf<RemoteStream<string>["readable"]>().toExtend<ReadableStream<string>>();
});

test("items that cannot be sent do not compile", () => {
  // @ts-expect-error -- a function cannot be sent
  void feed.callRemote("functions");
  // @ts-expect-error -- a function cannot be sent
  void feed.call.functions();
});

test("an argument may be an async iterable or a ReadableStream", () => {
  async function* bytes(): AsyncGenerator<Uint8Array> {}
  async function* texts(): AsyncGenerator<string> {}
  async function* dates(): AsyncGenerator<Date> {}
  void feed.callRemote("upload", "name", bytes());
  void feed.call.upload("name", new ReadableStream<Uint8Array>());
  void feed.call.watch(dates());
  // @ts-expect-error -- the items are bytes
  void feed.callRemote("upload", "name", texts());
  // @ts-expect-error -- a list is not a stream
  void feed.call.upload("name", [new Uint8Array(1)]);
});

test("the iteration has the type of the items", async () => {
  const lines = await feed.call.lines();
  for await (const line of lines) expectTypeOf(line).toBeString();
  for await (const line of lines.with({ timeoutMs: 1 })) expectTypeOf(line).toBeString();
  expectTypeOf(lines.call.next(3)).toEqualTypeOf<Promise<string[]>>();
});
