// Finds the class of an object.

/**
 * The class of an object, or undefined. Unlike `object.constructor`, it cannot be replaced by a property of the object,
 * which a peer may have sent.
 */
export function classOf(object: object): unknown {
  return (Object.getPrototypeOf(object) as { constructor?: unknown } | null)?.constructor;
}
