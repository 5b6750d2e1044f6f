// Classes with private members, whose objects a library for state wraps in a proxy.

import { madeBy } from "./package-copy.js";

/** What keeps each library from wrapping an object. */
const ADVICE = "keep the object itself in your state, with markRaw (Vue), observable.ref (MobX) or ref (Valtio)";

type Method = (this: object, ...args: unknown[]) => unknown;

/**
 * A proxy, and a copy made by `Object.create`, cannot reach private members. The engine's error only says so. Makes the
 * methods and properties of a class throw a `TypeError` with advice instead. Gives the class a tag as well, because Vue
 * does not wrap objects with a tag.
 *
 * Call it in the last static block of the class, with a function that tells objects of the class from proxies:
 * `refuseProxies(this, (object) => #state in object)`.
 */
export function refuseProxies(
  type: { readonly name: string; readonly prototype: object },
  isOwn: (object: object) => boolean,
): void {
  const { prototype } = type;
  for (const key of Reflect.ownKeys(prototype)) {
    // Those identify objects, also behind a proxy.
    if (key === "constructor" || key === madeBy || key === Symbol.toStringTag) continue;
    const member = Object.getOwnPropertyDescriptor(prototype, key)!;
    const place = typeof member.value === "function" ? "value" : "get";
    const run = (member as Record<string, unknown>)[place] as Method | undefined;
    if (run === undefined) continue;
    const checked: Method = function (...args) {
      if (!isOwn(this))
        throw new TypeError(`${type.name}.${String(key)} was used on a proxy or a copy of the object: ${ADVICE}`);
      return run.apply(this, args);
    };
    Object.defineProperty(checked, "name", { value: run.name });
    Object.defineProperty(prototype, key, { ...member, [place]: checked });
  }
  if (!Object.hasOwn(prototype, Symbol.toStringTag))
    Object.defineProperty(prototype, Symbol.toStringTag, { configurable: true, get: () => type.name });
}
