// Weak references, in one place: a map whose values are forgotten, and reported, once they are not in use anymore.

/**
 * Reports collected values; undefined on platforms that cannot. Keep a reference to it: a registry that is collected
 * itself reports nothing.
 */
export type Collected<Token> = FinalizationRegistry<Token> | undefined;

/** `onCollected` is called with the token of a value some time after the value was collected. It must not throw. */
export function whenCollected<Token>(onCollected: (token: Token) => void): Collected<Token> {
  return typeof FinalizationRegistry === "undefined" ? undefined : new FinalizationRegistry(onCollected);
}

/**
 * V8 collects garbage when this much memory was allocated outside of its heap. The memory is never touched, so that the
 * system does not provide it.
 */
const PRESSURE_BYTES = 64 * 1024 * 1024;

/**
 * Makes a collection of garbage soon likely, after which collected values are reported. References are small: a program
 * can drop thousands of them before an engine sees a reason to collect.
 */
export function requestCollection(): void {
  try {
    new ArrayBuffer(PRESSURE_BYTES);
  } catch {
    // There is not that much memory: the engine has collected already.
  }
}

/** A weak reference, or a strong one on platforms without weak references. */
export type Weakly<Value extends object> = WeakRef<Value> | StrongReference<Value>;

export function weakly<Value extends object>(value: Value): Weakly<Value> {
  return typeof WeakRef === "undefined" ? new StrongReference(value) : new WeakRef(value);
}

/**
 * A map that does not keep its values alive. On platforms without weak references, values stay until they are deleted.
 */
export class WeakValues<Key, Value extends object, Token> {
  readonly #references = new Map<Key, Weakly<Value>>();
  readonly #collected: Collected<Token>;

  /** The values are registered with `collected`. Several maps may share it. */
  constructor(collected: Collected<Token>) {
    this.#collected = collected;
  }

  get(key: Key): Value | undefined {
    return this.#references.get(key)?.deref();
  }

  /** Sets the value of `key`, replacing the one that was there. */
  set(key: Key, value: Value, token: Token): void {
    this.#references.set(key, weakly(value));
    this.#collected?.register(value, token, value);
  }

  /** Deletes `key` if `value` is still its value. The collection of `value` is not reported. */
  delete(key: Key, value: Value): void {
    if (this.get(key) === value) this.#references.delete(key);
    this.#collected?.unregister(value);
  }

  /** Deletes `key` if its value was collected. */
  deleteCollected(key: Key): void {
    if (this.get(key) === undefined) this.#references.delete(key);
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
