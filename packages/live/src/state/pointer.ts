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
