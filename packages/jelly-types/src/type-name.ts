// Names of classes on the wire.

import { JellyError } from "./errors.js";

/** The words of Jelly and of Perspective Broker (wire specification 4.2, 5.5 to 5.8). */
const WORDS: ReadonlySet<string> = new Set([
  "None", "boolean", "unicode", "decimal", "datetime", "time", "date", "timedelta", "set", "frozenset", "list", "tuple",
  "dictionary", "reference", "dereference", "persistent", "unpersistable", "class", "module", "function", "method",
  "instance", "remote", "local", "cached", "lcache", "copy", "cache",
]); // prettier-ignore

/** Why `name` cannot be the name of a class on the wire. Undefined for one that can. */
function faultOf(name: unknown): string | undefined {
  if (typeof name !== "string") return `The name of a type must be a text, not ${typeof name}`;
  if (!/^[\x21-\x7e]+$/.test(name))
    return `The name of a type must be printable ASCII without spaces: ${JSON.stringify(name)}`;
  return WORDS.has(name)
    ? `The name ${name} is a word of Jelly: name the class module.Class, as Python does`
    : undefined;
}

/** Throws `TypeError` for a name that a class cannot have on the wire: it is no ASCII, or a word of Jelly. */
export function requireTypeName(name: string): void {
  const fault = faultOf(name);
  if (fault !== undefined) throw new TypeError(fault);
}

/** Returns a name that is about to be sent. Throws `JELLY_NOT_JELLYABLE` for one that a class cannot have. */
export function sentTypeName(name: string): string {
  const fault = faultOf(name);
  if (fault !== undefined) throw new JellyError("JELLY_NOT_JELLYABLE", fault);
  return name;
}
