// What to do about a value that cannot be sent.

import { describe } from "../errors.js";

/** Describes a value that cannot be sent, and says what to send in its place. */
export function refusal(value: unknown): string {
  if (typeof value === "function") return `${describeFunction(value)} cannot be sent: ${functionAdvice(value)}`;
  if (typeof value === "symbol") return "a symbol cannot be sent: send its description, which is text";
  const object = value as object;
  if (isIterator(object))
    return `${describeIterator(object)} cannot be sent: send its values as a list, or from an async generator`;
  const name = describe(value).replace("an instance of ", "");
  const advice =
    (Object.hasOwn(adviceByClass, name) ? adviceByClass[name] : undefined) ??
    (ArrayBuffer.isView(object) ? NUMBERS : undefined) ??
    (object instanceof Error ? THROW : undefined) ??
    "register its class, or make it a Referenceable";
  return `${describe(value)} cannot be sent: ${advice}`;
}

const DATA = "send its contents: bytes, text or a plain object";
const STREAM = "send what it contains as bytes, or its stream()";
const TEXT = "send its text, String(value)";
const THROW = "throw it, or register its class";
const NUMBERS = "send a list of its numbers, or a Uint8Array of its bytes";
const REFERENCE = "send the reference, or the object behind it";
const LOCAL = "it has a meaning only in this process";

const adviceByClass: Partial<Record<string, string>> = {
  ReadableStream: "send what it contains as bytes",
  WritableStream: "send a stream that the peer reads",
  TransformStream: "send its readable",
  Blob: STREAM,
  File: STREAM,
  URL: TEXT,
  URLSearchParams: TEXT,
  RegExp: "send its source and its flags",
  Headers: DATA,
  FormData: DATA,
  Request: DATA,
  Response: DATA,
  Number: "send the primitive value, value.valueOf()",
  String: "send the primitive value, value.valueOf()",
  Boolean: "send the primitive value, value.valueOf()",
  BigInt: "send the primitive value, value.valueOf()",
  Symbol: "send its description, which is text",
  SharedArrayBuffer: "send a Uint8Array of it",
  RemoteCalls: REFERENCE,
  RemoteCaller: REFERENCE,
  Broker: LOCAL,
  WeakMap: LOCAL,
  WeakSet: LOCAL,
  WeakRef: LOCAL,
  AbortController: LOCAL,
  AbortSignal: LOCAL,
  Error: THROW,
};

function describeFunction(value: object): string {
  return isClass(value) ? `the class ${String((value as { readonly name?: unknown }).name)}` : "a function";
}

function functionAdvice(value: object): string {
  if (isClass(value)) return "send an instance";
  return "make it a remote_ method of a Referenceable, and send that object";
}

function isClass(value: object): boolean {
  return typeof value === "function" && /^class\b/.test(Function.prototype.toString.call(value));
}

/** Also a generator. Its methods are those of its prototypes, so that nothing of a proxy or a peer is called. */
function isIterator(value: object): boolean {
  const tag: unknown = Reflect.get(value, Symbol.toStringTag);
  return typeof tag === "string" && /Generator$|Iterator$/.test(tag);
}

function describeIterator(value: object): string {
  return String(Reflect.get(value, Symbol.toStringTag)).endsWith("Generator") ? "a generator" : "an iterator";
}
