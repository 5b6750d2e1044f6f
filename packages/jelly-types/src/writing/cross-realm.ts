// Recognises what another realm made: there, `Array` is another function.

/** What a value of a foreign prototype is, as far as that can be told without running its code. */
export function foreignKind(value: object): "array" | "object" | "bytes" | "buffer" | undefined {
  const prototype = Object.getPrototypeOf(value) as object;
  // Only the prototype of Array itself is an array: a subclass nobody registered does not slip through.
  if (Array.isArray(value)) return Array.isArray(prototype) ? "array" : undefined;
  if (ArrayBuffer.isView(value)) return nameOfTypedArray.call(value) === "Uint8Array" ? "bytes" : undefined;
  if (isArrayBuffer(value)) return "buffer";
  return isObjectPrototype(prototype) ? "object" : undefined;
}

// The getters of the language itself look into any realm's objects and believe none of their properties.
const nameOfTypedArray = getter(Object.getPrototypeOf(Uint8Array.prototype) as object, Symbol.toStringTag);
const lengthOfBuffer = getter(ArrayBuffer.prototype, "byteLength");

type Getter = (this: unknown) => unknown;

function getter(prototype: object, key: PropertyKey): Getter {
  const descriptor = Object.getOwnPropertyDescriptor(prototype, key) as { readonly get: Getter };
  return descriptor.get;
}

function isArrayBuffer(value: object): boolean {
  try {
    lengthOfBuffer.call(value);
    return true;
  } catch {
    return false;
  }
}

function isObjectPrototype(prototype: object): boolean {
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, "isPrototypeOf");
}
