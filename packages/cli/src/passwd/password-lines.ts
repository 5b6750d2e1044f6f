// The lines of a password file. All that is not changed is kept byte for byte, also lines that cannot be used.

import { parseStoredPasswords, PlainPassword } from "@pb/cred";
import type { Stored, StoredForm } from "@pb/cred";

/** One character for each byte, so that bytes which are no UTF-8 are kept. */
const asBytes = (text: string): string => Buffer.from(text).toString("latin1");
const asText = (bytes: string): string => Buffer.from(bytes, "latin1").toString();

export class PasswordLines {
  /** Each with its line end. */
  readonly #lines: string[];

  constructor(contents: Buffer) {
    this.#lines = contents.toString("latin1").match(/[^\n]*\n|[^\n]+$/g) ?? [];
  }

  toBytes(): Buffer {
    return Buffer.from(this.#lines.join(""), "latin1");
  }

  /** The names of the users, once each. */
  get users(): string[] {
    return [
      ...new Set(
        this.#lines
          .map(fieldsOf)
          .filter(isUser)
          .map(([name = ""]) => asText(name)),
      ),
    ];
  }

  /** The numbers of the lines that belong to no user. */
  get unusable(): number[] {
    return this.#lines.flatMap((line, index) => (line.trim() === "" || isUser(fieldsOf(line)) ? [] : [index + 1]));
  }

  /** The password field of a user. When several lines have the name, the first one counts, as for `FilePasswordDB`. */
  fieldOf(user: string): string | undefined {
    const field = this.#lines
      .map(fieldsOf)
      .filter(isUser)
      .find(([name]) => name === asBytes(user))?.[1];
    return field === undefined ? undefined : asText(field);
  }

  /** The forms in which the password of this user is stored, or of the first one. Undefined in a file without users. */
  formsFor(user: string): StoredForm[] | undefined {
    const field = this.fieldOf(user) ?? this.#lines.map(fieldsOf).find(isUser)?.[1];
    return field === undefined ? undefined : formsOf(asText(field));
  }

  /** Replaces the password of a user, or adds a line. Returns whether the user is new. */
  set(user: string, field: string): boolean {
    const index = this.#lines.findIndex((line) => fieldsOf(line)[0] === asBytes(user) && isUser(fieldsOf(line)));
    if (index >= 0) {
      const [name, , ...others] = fieldsOf(this.#lines[index]!);
      const end = LINE_END.exec(this.#lines[index]!)?.[0] ?? "";
      this.#lines[index] = `${[name, asBytes(field), ...others].join(":")}${end}`;
      return false;
    }
    const last = this.#lines.pop();
    if (last !== undefined) this.#lines.push(last.endsWith("\n") ? last : `${last}\n`);
    this.#lines.push(`${asBytes(user)}:${asBytes(field)}\n`);
    return true;
  }

  /** Removes all lines of a user. Returns false if there are none. */
  remove(user: string): boolean {
    const kept = this.#lines.filter((line) => fieldsOf(line)[0] !== asBytes(user) || !isUser(fieldsOf(line)));
    if (kept.length === this.#lines.length) return false;
    this.#lines.splice(0, this.#lines.length, ...kept);
    return true;
  }
}

/**
 * White space at the end does not belong to the last field, as for `FilePasswordDB`. Only that of ASCII: other bytes
 * can be the end of a character.
 */
const LINE_END = /[ \t\n\v\f\r]*$/;

function fieldsOf(line: string): string[] {
  return line.replace(LINE_END, "").split(":");
}

function isUser(fields: readonly string[]): boolean {
  return fields.length > 1;
}

/** Text before `$`, `,` or a closing brace tells the form. */
const PREFIXES: readonly (readonly [RegExp, StoredForm])[] = [
  [/^(\{SCRAM-SHA-256\}|SCRAM-SHA-256\$)/, "scram-sha-256"],
  [/^(\{MD5\}|[0-9a-fA-F]{32}$)/, "md5"],
];

function formsOf(field: string): StoredForm[] {
  const words = field.split(" ").filter((word) => parseStoredPasswords(word).length > 0);
  if (words.length === 0) return ["plain"];
  return words.map((word) => PREFIXES.find(([prefix]) => prefix.test(word))?.[1] ?? "scrypt");
}

/** What is stored in a field: one of the forms of `@pb/cred`, or else the password itself. */
export function storedIn(field: string): Stored {
  const parsed = parseStoredPasswords(field);
  return parsed.length > 0 ? parsed : new PlainPassword(field);
}
