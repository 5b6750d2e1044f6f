// `TreeReader`: an `ExpressionReader` for expression trees.

import { isForeignBytes, toLatin1 } from "../format/bytes.js";
import { BananaError } from "../errors.js";
import { Float, isInteger, notAnExpression } from "./expression.js";
import type { Expression, ExpressionReader, Kind } from "./expression.js";
import type { ListHead } from "./list-head.js";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads an {@link Expression} element by element. Throws `TypeError` where something in it is no expression. */
export class TreeReader implements ExpressionReader {
  /** The list that is being read, and its next element. */
  #list: readonly Expression[];
  #index = 0;
  /** The lists around it that have further elements. */
  readonly #outer: { readonly list: readonly Expression[]; readonly index: number }[] = [];
  #offset = 0;

  constructor(expression: Expression) {
    this.#list = [expression];
  }

  get offset(): number {
    return this.#offset;
  }

  kind(): Kind {
    const next = this.#peek();
    if (Array.isArray(next)) return "list";
    if (next instanceof Uint8Array) return "bytes";
    if (typeof next === "bigint") return "integer";
    if (typeof next === "number") return isInteger(next) ? "integer" : "float";
    if (next instanceof Float) return "float";
    if (isForeignBytes(next)) return "bytes";
    throw notAnExpression(next);
  }

  list(): number {
    const list = this.#read("list") as Expression[];
    if (list.length === 0) return 0;
    if (this.#index < this.#list.length) this.#outer.push({ list: this.#list, index: this.#index });
    this.#list = list;
    this.#index = 0;
    return list.length;
  }

  begins({ length, word }: ListHead): boolean {
    const list = this.#peek();
    if (!Array.isArray(list) || list.length !== length) return false;
    const [first] = list;
    if (
      !(first instanceof Uint8Array || isForeignBytes(first)) ||
      first.length !== word.length ||
      toLatin1(first) !== word
    )
      return false;
    this.list();
    this.skip();
    return true;
  }

  keyAfter(): string | undefined {
    return undefined;
  }

  integers(into: unknown[], index: number): number {
    while (index < into.length && this.kind() === "integer") into[index++] = this.integer();
    return index;
  }

  integer(): number | bigint {
    const value = this.#read("integer") as number | bigint;
    return typeof value === "bigint" && BigInt.asIntN(53, value) === value ? Number(value) : value;
  }

  float(): number {
    return Number(this.#read("float"));
  }

  exactFloat(): number | Float {
    return this.#read("float") as number | Float;
  }

  bytes(): Uint8Array {
    return (this.#read("bytes") as Uint8Array).slice();
  }

  word(): string {
    return toLatin1(this.#read("bytes") as Uint8Array);
  }

  text(): string {
    const bytes = this.#read("bytes") as Uint8Array;
    try {
      return utf8.decode(bytes);
    } catch (cause) {
      throw new BananaError("BANANA_BAD_UTF8", "The byte string is not UTF-8", { offset: this.#offset, cause });
    }
  }

  skip(): void {
    this.#peek();
    this.#index++;
    this.#offset++;
  }

  #read(kind: Kind): Expression {
    const found = this.kind();
    if (found !== kind) {
      throw new BananaError("BANANA_UNEXPECTED_KIND", `Expected ${kind}, found ${found}`, { offset: this.#offset });
    }
    this.#offset++;
    return this.#list[this.#index++]!;
  }

  #peek(): Expression {
    while (this.#index === this.#list.length && this.#outer.length > 0)
      ({ list: this.#list, index: this.#index } = this.#outer.pop()!);
    const next = this.#list[this.#index];
    if (next === undefined) {
      if (this.#index < this.#list.length) throw notAnExpression(next);
      throw new BananaError("BANANA_TRUNCATED", "There is no further element", { offset: this.#offset });
    }
    return next;
  }
}
