import fc from "fast-check";
import { expect, test } from "vitest";
import { decoderStream, encode, encoderStream } from "@pb/banana";
import type { Expression } from "@pb/banana";
import { cut, cuts, expression } from "./helpers/arbitraries.js";

async function collect<Value>(stream: ReadableStream<Value>): Promise<Value[]> {
  const values: Value[] = [];
  for await (const value of stream) values.push(value);
  return values;
}

test("both streams together return the same expressions, however the bytes are divided into chunks", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(expression, { maxLength: 5 }), cuts, async (values, places) => {
      const encoded = await collect(ReadableStream.from(values).pipeThrough(encoderStream({ dialect: "pb" })));
      expect(encoded).toStrictEqual(values.map((value) => encode(value, { dialect: "pb" })));
      const chunks = cut(Uint8Array.from(encoded.flatMap((bytes) => [...bytes])), places.slice(0, 50));
      expect(await collect(ReadableStream.from(chunks).pipeThrough(decoderStream({ dialect: "pb" })))).toStrictEqual(
        values,
      );
    }),
    { numRuns: 50 },
  );
});

test("the caller may reuse a chunk after it was written", async () => {
  const { writable, readable } = decoderStream();
  const value = [new Uint8Array(3000).fill(1), 2, 3];
  const bytes = encode(value);
  const received = collect(readable);
  const writer = writable.getWriter();
  const chunk = new Uint8Array(2000);
  for (let start = 0; start < bytes.length; start += chunk.length) {
    const part = bytes.subarray(start, start + chunk.length);
    chunk.set(part);
    await writer.write(chunk.subarray(0, part.length));
    chunk.fill(0xff);
  }
  await writer.close();
  expect(await received).toStrictEqual([value]);
});

test("bytes that end inside an expression throw BANANA_TRUNCATED with the offset", async () => {
  const stream = ReadableStream.from([encode(1), Uint8Array.of(2, 0x80, 1, 0x81)]).pipeThrough(decoderStream());
  await expect(collect(stream)).rejects.toMatchObject({ code: "BANANA_TRUNCATED", offset: 6 });
});

test("invalid bytes throw an error with the offset", async () => {
  const reader = ReadableStream.from([Uint8Array.of(1, 0x81, 0x90)])
    .pipeThrough(decoderStream())
    .getReader();
  expect((await reader.read()).value).toBe(1);
  await expect(reader.read()).rejects.toMatchObject({ code: "BANANA_UNKNOWN_TYPE", offset: 2 });
});

test("a value that Banana does not have makes the writer reject", async () => {
  const stream = ReadableStream.from([1, "text" as unknown as Expression]).pipeThrough(encoderStream());
  await expect(collect(stream)).rejects.toThrow(TypeError);
});

test.each([
  ["decoder", () => decoderStream(), encode(1)],
  ["encoder", () => encoderStream(), 1],
])("a %s without a reader makes the writer wait", async (_, make, chunk) => {
  const { writable, readable } = make() as TransformStream<unknown, unknown>;
  const writer = writable.getWriter();
  let written = 0;
  const writing = (async () => {
    for (let index = 0; index < 100; index++) {
      await writer.ready;
      await writer.write(chunk);
      written++;
    }
    await writer.close();
  })();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(written).toBeLessThan(3);
  expect(await collect(readable)).toHaveLength(100);
  await writing;
});
