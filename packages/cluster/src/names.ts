// Names of a program as names of an engine.

const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** The longest name, in bytes: an engine also needs room for its own prefix. */
const LONGEST = 100;

/** One part of an engine's name, which no other text has. Throws `TypeError` for what is not a name. */
export function toEngineName(what: string, name: string): string {
  if (typeof name !== "string" || name === "") throw new TypeError(`${what} must be text that is not empty`);
  const bytes = utf8.encode(name);
  if (bytes.length > LONGEST) throw new TypeError(`${what} has more than ${LONGEST} bytes`);
  if (fromUtf8.decode(bytes) !== name) throw new TypeError(`${what} has half a surrogate pair`);
  return Array.from(bytes, (byte) => {
    const letter = String.fromCharCode(byte);
    return /[A-Za-z0-9-]/.test(letter) ? letter : `=${byte.toString(16).padStart(2, "0")}`;
  }).join("");
}
