// Writes types of Python as types of TypeScript.

import type { PythonParameter, PythonType } from "./description.js";
import { parameterName } from "./names.js";

/** Renders types, and notes the names that they need from the packages. */
export class TypeRenderer {
  readonly #used = new Set<string>();
  readonly #names: readonly string[];

  /** `names` are those of the classes of the description. */
  constructor(names: readonly string[]) {
    this.#names = names;
  }

  /** Notes that the file needs a name. Returns it. */
  use(name: string): string {
    this.#used.add(name);
    return name;
  }

  /** Those of the names that the file needs. */
  usedOf(names: readonly string[]): string[] {
    return names.filter((name) => this.#used.has(name));
  }

  type(type: PythonType): string {
    switch (type.kind) {
      case "unknown":
        return type.text === undefined ? "unknown" : `unknown /* ${comment(type.text)} */`;
      case "literal":
        return JSON.stringify(type.of);
      case "union":
        return [...new Set(type.of.flatMap((part) => this.#parts(part)))].join(" | ");
      case "class":
        return this.#names[type.of]!;
      case "dict":
        return this.#dict(type.key, type.of);
      case "list":
        return `${this.#operand(type.of)}[]`;
      case "items":
        return this.#items(type.of);
      case "tuple":
        return `${this.use("Tuple")}<${this.type(type.of)}>`;
      case "set":
        return `Set<${this.type(type.of)}>`;
      case "frozenset":
        return `${this.use("FrozenSet")}<${this.type(type.of)}>`;
      case "stream":
        return `AsyncIterable<${this.type(type.of)}>`;
      case "reference":
        return this.use("RemoteReference");
      case "int":
        return "number | bigint";
      case "float":
        return "number";
      case "bytes":
        return "Uint8Array";
      case "boolean":
      case "string":
      case "null":
        return type.kind;
      case "Decimal":
      case "DateTime":
      case "CalendarDate":
      case "TimeOfDay":
      case "TimeDelta":
        return this.use(type.kind);
    }
  }

  /** The parameters of a method. Keyword arguments are the last one. */
  parameters(parameters: readonly PythonParameter[]): string {
    const positional = parameters.filter(({ kind }) => kind === "positional");
    const keywords = this.#keywords(parameters);
    const rest = parameters.find(({ kind }) => kind === "rest");
    const needsKeywords = keywords?.isOptional === false && rest === undefined;
    const written = positional.map(({ name, type, default: value }) => {
      const isOptional = value !== undefined;
      // An optional parameter cannot precede a required one.
      if (isOptional && needsKeywords) return `${parameterName(name)}: ${orUndefined(this.type(type))}`;
      return `${parameterName(name)}${isOptional ? "?" : ""}: ${this.type(type)}`;
    });
    if (rest !== undefined) {
      const union = [this.type(rest.type), ...(keywords === undefined ? [] : [keywords.type])].join(" | ");
      return [...written, `...${parameterName(rest.name)}: ${grouped(union)}[]`].join(", ");
    }
    if (keywords === undefined) return written.join(", ");
    const name = uniqueName("options", positional);
    return [...written, `${name}${keywords.isOptional ? "?" : ""}: ${keywords.type}`].join(", ");
  }

  #keywords(all: readonly PythonParameter[]): { type: string; isOptional: boolean } | undefined {
    const parameters = all.filter(({ kind }) => kind === "keyword");
    if (parameters.length === 0) return undefined;
    this.use("KwargsOf");
    const entries = parameters.map(
      ({ name, type, default: value }) => `${propertyName(name)}${value === undefined ? "" : "?"}: ${this.type(type)}`,
    );
    if (all.some(({ kind }) => kind === "keywords")) entries.push("[name: string]: unknown");
    const isOptional = parameters.every((parameter) => parameter.default !== undefined);
    return { type: `KwargsOf<{ ${entries.join("; ")} }>`, isOptional };
  }

  #dict(key: PythonType, value: PythonType): string {
    if (key.kind === "string") return `Record<string, ${this.type(value)}>`;
    const map = `Map<${this.type(key)}, ${this.type(value)}>`;
    const mayBeText = key.kind === "unknown" || (key.kind === "union" && key.of.some(({ kind }) => kind === "string"));
    return mayBeText ? `Record<string, ${this.type(value)}> | ${map}` : map;
  }

  #items(items: readonly PythonType[]): string {
    const types = items.map((item) => this.type(item));
    const item = types.length === 0 ? "never" : [...new Set(types)].join(" | ");
    return `${this.use("Tuple")}<${item}> & [${types.join(", ")}]`;
  }

  #parts(type: PythonType): string[] {
    if (type.kind === "union") return type.of.flatMap((part) => this.#parts(part));
    return type.kind === "int" ? ["number", "bigint"] : [this.type(type)];
  }

  #operand(type: PythonType): string {
    return grouped(this.type(type));
  }
}

function orUndefined(type: string): string {
  return type.startsWith("unknown") ? type : `${type} | undefined`;
}

/** A type as the operand of `[]`. */
function grouped(type: string): string {
  return / [|&] /.test(type) ? `(${type})` : type;
}

/** The name of a property. A `TypedDict` may have any text as a name, and `__proto__` has a meaning of its own. */
export function propertyName(name: string): string {
  const isIdentifier = /^[\p{ID_Start}_$][\p{ID_Continue}$]*$/u.test(name) && name !== "__proto__";
  return isIdentifier ? name : JSON.stringify(name);
}

function uniqueName(name: string, parameters: readonly PythonParameter[]): string {
  return parameters.some((parameter) => parameter.name === name) ? uniqueName(`${name}_`, parameters) : name;
}

/** Text that cannot end a comment, on one line. */
export function comment(text: string): string {
  return text.replaceAll("*/", "*\\/").replaceAll(/[\s\p{Cc}\p{Cf}]+/gu, " ");
}
