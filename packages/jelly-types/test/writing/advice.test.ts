// What the error says about values that cannot be sent, for every kind of value.

import { jelly, JellyError } from "@pb/jelly-types";
import { expect, test } from "vitest";

class Order {}

test.each<[string, unknown, string]>([
  ["a function", () => 1, "a function cannot be sent: make it a remote_ method of a Referenceable"],
  ["an async function", async () => 1, "a function cannot be sent: make it a remote_ method of a Referenceable"],
  ["a function behind a proxy", new Proxy(() => 1, {}), "a function cannot be sent: make it a remote_ method"],
  ["a built-in function", parseInt, "a function cannot be sent: make it a remote_ method of a Referenceable"],
  ["a function that mentions a class", () => "class Order", "a function cannot be sent: make it a remote_ method"],
  ["a class", Order, "the class Order cannot be sent: send an instance"],
  ["a symbol", Symbol("x"), "a symbol cannot be sent: send its description"],
  [
    "a generator",
    (function* () {})(),
    "a generator cannot be sent: send its values as a list, or from an async generator",
  ],
  [
    "an async generator",
    (async function* () {})(),
    "a generator cannot be sent: send its values as a list, or from an async generator",
  ],
  [
    "the iterator of a list",
    [1].values(),
    "an iterator cannot be sent: send its values as a list, or from an async generator",
  ],
  ["the iterator of a map", new Map().entries(), "an iterator cannot be sent: send its values as a list"],
  ["the iterator of a text", "abc"[Symbol.iterator](), "an iterator cannot be sent: send its values as a list"],
  ["matches", "abc".matchAll(/./g), "an iterator cannot be sent: send its values as a list"],
  ["a stream", new ReadableStream(), "an instance of ReadableStream cannot be sent: send what it contains as bytes"],
  ["a blob", new Blob([]), "an instance of Blob cannot be sent: send what it contains as bytes, or its stream()"],
  ["both ends of a stream", new TransformStream(), "an instance of TransformStream cannot be sent: send its readable"],
  ["a sink", new WritableStream(), "an instance of WritableStream cannot be sent: send a stream that the peer reads"],
  ["a URL", new URL("http://a"), "an instance of URL cannot be sent: send its text"],
  ["a pattern", /x/, "an instance of RegExp cannot be sent: send its source and its flags"],
  ["headers", new Headers(), "an instance of Headers cannot be sent: send its contents"],
  ["a boxed number", Object(5), "an instance of Number cannot be sent: send the primitive value"],
  ["a weak map", new WeakMap(), "an instance of WeakMap cannot be sent: it has a meaning only in this process"],
  ["a signal", new AbortController().signal, "an instance of AbortSignal cannot be sent: it has a meaning only"],
  ["an error", new Error("x"), "an instance of Error cannot be sent: throw it, or register its class"],
  ["an error of a class", new RangeError("x"), "an instance of RangeError cannot be sent: throw it"],
  ["numbers", new Float64Array(1), "an instance of Float64Array cannot be sent: send a list of its numbers"],
  ["a view of bytes", new DataView(new ArrayBuffer(1)), "an instance of DataView cannot be sent: send a list"],
  ["a boxed bigint", Object(5n), "an instance of BigInt cannot be sent: send the primitive value"],
  ["an instance", new Order(), "an instance of Order cannot be sent: register its class, or make it a Referenceable"],
])("%s is refused with advice", (_what, value, message) => {
  for (const [where, wrapped] of [
    ["$", value],
    ["$.a[0]", { a: [value] }],
  ] as const) {
    expect(() => jelly(wrapped)).toThrow(JellyError);
    expect(() => jelly(wrapped)).toThrow(message);
    expect(() => jelly(wrapped)).toThrow(`(at ${where})`);
  }
});

test("a class with the name of a member of every object gets the usual advice", () => {
  const value = new (class toString {})();
  expect(() => jelly(value)).toThrow("an instance of toString cannot be sent: register its class");
});
