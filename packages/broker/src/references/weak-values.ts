// Weakness in one place: values that are forgotten, and told of, once nobody else holds them.

/** Tells of values that were collected; undefined where the platform cannot. Keep it: nobody is told by one that was collected itself. */
export type Collected<Token> = FinalizationRegistry<Token> | undefined;

/** `onCollected` is called with a value's token some time after the value was collected; it must not throw. */
export function whenCollected<Token>(onCollected: (token: Token) => void): Collected<Token> {
  return typeof FinalizationRegistry === "undefined" ? undefined : new FinalizationRegistry(onCollected);
}

/** A map to values it does not keep alive. Where the platform has no weak references, values live until they are deleted. */
export class WeakValues<Key, Value extends object, Token> {
  readonly #references = new Map<Key, WeakRef<Value> | StrongReference<Value>>();
  readonly #collected: Collected<Token>;

  /** `collected` is told which values to watch. Several maps may have one. */
  constructor(collected: Collected<Token>) {
    this.#collected = collected;
  }

  get(key: Key): Value | undefined {
    return this.#references.get(key)?.deref();
  }

  /** Remembers `value` under `key`, in place of what was there. */
  set(key: Key, value: Value, token: Token): void {
    this.#references.set(key, typeof WeakRef === "undefined" ? new StrongReference(value) : new WeakRef(value));
    this.#collected?.register(value, token, value);
  }

  /** Forgets `value` under `key`, if it is still what is there; its token will not be told of. */
  delete(key: Key, value: Value): void {
    if (this.get(key) === value) this.#references.delete(key);
    this.#collected?.unregister(value);
  }

  /** Forgets `key` when its value was collected. */
  deleteCollected(key: Key): void {
    if (this.get(key) === undefined) this.#references.delete(key);
  }

  *values(): IterableIterator<Value> {
    for (const reference of this.#references.values()) {
      const value = reference.deref();
      if (value !== undefined) yield value;
    }
  }
}

class StrongReference<Value extends object> {
  readonly #value: Value;

  constructor(value: Value) {
    this.#value = value;
  }

  deref(): Value {
    return this.#value;
  }
}
