// Recognizes arrays, plain objects and bytes of another realm (a frame, a `vm` context), whose prototypes are other
// objects.

/**
 * The kind of a value whose prototype is not of this realm. Runs no code of the value. Undefined when it is of no such
 * kind.
 */
export function crossRealmKind(value: object): "array" | "object" | "bytes" | "buffer" | undefined {
  const prototype = Object.getPrototypeOf(value) as object;
  // `Array.prototype` is an array itself, the prototype of a subclass is not: an unregistered subclass is refused.
  if (Array.isArray(value)) return Array.isArray(prototype) ? "array" : undefined;
  if (ArrayBuffer.isView(value)) return typedArrayName.call(value) === "Uint8Array" ? "bytes" : undefined;
  if (isArrayBuffer(value)) return "buffer";
  return isObjectPrototype(prototype) ? "object" : undefined;
}

// These built-in getters read internal slots, of objects of any realm. Own properties cannot deceive them.
const typedArrayName = getter(Object.getPrototypeOf(Uint8Array.prototype) as object, Symbol.toStringTag);
const bufferLength = getter(ArrayBuffer.prototype, "byteLength");

type Getter = (this: unknown) => unknown;

function getter(prototype: object, key: PropertyKey): Getter {
  const descriptor = Object.getOwnPropertyDescriptor(prototype, key) as { readonly get: Getter };
  return descriptor.get;
}

function isArrayBuffer(value: object): boolean {
  try {
    bufferLength.call(value);
    return true;
  } catch {
    return false;
  }
}

function isObjectPrototype(prototype: object): boolean {
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, "isPrototypeOf");
}
