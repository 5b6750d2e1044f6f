// JSON pointers (RFC 6901), which name a place in a state.

/** The pointer of an entry of the value at `pointer`. */
export function below(pointer: string, key: string | number): string {
  return `${pointer}/${typeof key === "number" ? key : escape(key)}`;
}

function escape(key: string): string {
  return key.includes("~") || key.includes("/") ? key.replaceAll("~", "~0").replaceAll("/", "~1") : key;
}

/** The keys of a pointer. Undefined for text that is not a pointer, or has more than `most` keys. */
export function keysOf(pointer: string, most: number): string[] | undefined {
  if (pointer === "") return [];
  if (!pointer.startsWith("/")) return undefined;
  const keys = pointer.split("/", most + 2);
  if (keys.length > most + 1) return undefined;
  keys.shift();
  if (!pointer.includes("~")) return keys;
  if (/~(?![01])/.test(pointer)) return undefined;
  return keys.map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** A pointer of so many UTF-16 units is split once: a step of a packed patch repeats it with one byte. */
const LONG_POINTER = 16;

/** UTF-16 units of the long pointers that are remembered: as many as the places of packed patches have. */
const MOST_UNITS = 262_144;

/** What a remembered pointer counts besides its units, for the list of its keys. */
const POINTER_UNITS = 64;

/** The keys of the long pointers that a view has seen. */
export class LongPointers {
  readonly #keys = new Map<string, readonly string[]>();
  #units = 0;

  /** As {@link keysOf}. */
  keysOf(pointer: string, most: number): string[] | undefined {
    if (pointer.length < LONG_POINTER) return keysOf(pointer, most);
    const known = this.#keys.get(pointer);
    if (known !== undefined) return [...known];
    const keys = keysOf(pointer, most);
    if (keys === undefined) return undefined;
    const units = pointer.length + POINTER_UNITS;
    if ((this.#units += units) > MOST_UNITS) {
      this.#keys.clear();
      this.#units = units;
    }
    this.#keys.set(pointer, keys);
    return [...keys];
  }
}

/** The index that a key of a pointer means in a list of `length` items. Undefined for any other key. */
export function indexOf(key: string, length: number): number | undefined {
  const index = Number(key);
  return index < length && String(index) === key && Number.isInteger(index) && index >= 0 ? index : undefined;
}

/** A key as the step of a path in an error: `.name`, `[3]`, `["a b"]`. */
export function stepTo(key: string | number): string {
  if (typeof key === "number") return `[${key}]`;
  return /^[A-Za-z_$][\w$]{0,99}$/.test(key) ? `.${key}` : `[${JSON.stringify(key.slice(0, 100))}]`;
}
