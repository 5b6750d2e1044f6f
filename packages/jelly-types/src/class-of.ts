// Finds the class of an object that a peer may have sent.

/**
 * The class of an object, or undefined. Unlike `object.constructor`, it cannot be replaced by a property of the object,
 * which a peer may have sent. Throws what a trap of a proxy throws, and `TypeError` for a revoked proxy.
 */
export function classOf(object: object): unknown {
  return (Object.getPrototypeOf(object) as { constructor?: unknown } | null)?.constructor;
}

/** Whether {@link classOf} and `instanceof` work with a value. They throw for a revoked proxy. */
export function hasReadableClass(value: unknown): boolean {
  try {
    Object.getPrototypeOf(Object(value));
    return true;
  } catch {
    return false;
  }
}
