// Replaces the secrets in a message.

import type { Expression } from "@pb/banana";
import { REDACTED } from "./messages.js";
import { CONTAINERS, SPLICE_LENGTH } from "./scan-values.js";
import type { SecretCall, SecretNames } from "./secret-names.js";
import type { KnownSecrets } from "./known-secrets.js";

const MARK = ascii(REDACTED);

/** Tags before numbers and names of objects, which are no secrets. A boolean has two values: it hides nothing. */
const KEPT: ReadonlySet<string> = new Set(["None", "boolean", "remote", "local", "cached", "lcache"]);

/** All tags of Jelly. Any other one is the name of a class, which can be a secret where a secret is. */
const TAGS: ReadonlySet<string> = new Set([
  ...KEPT,
  ...CONTAINERS,
  ...["unicode", "dictionary", "reference", "dereference", "decimal", "datetime", "date", "time", "timedelta"],
  ...["persistent", "unpersistable", "instance", "class", "module", "function", "method"],
]);

/** Tags of scalars that take text with a secret in it: the whole value is replaced. */
const SCALARS: ReadonlySet<string> = new Set(["decimal", "datetime", "date", "time", "timedelta", "persistent"]);

/**
 * How often a message is rewritten to find the secrets in shared objects. After that, all shared objects count as
 * secret: a peer can write a message that shows one further secret each time.
 */
const MOST_PASSES = 20;

/** Keyword arguments of a login that name the user, as its first positional argument does. */
const USER_NAMES = /^(user([-_ ]?(name|id))?|name|account)$/i;

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

type Call = readonly [Expression, Expression, Expression, Expression, Expression, Expression, Expression];

/** The text of a byte string, byte by byte. Undefined for other values. */
export function latin1(value: Expression | undefined): string | undefined {
  return value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : undefined;
}

/** Rewrites one message, whose form is known. */
export class Redactor {
  readonly #names: SecretNames;
  readonly #known: KnownSecrets;
  /** The shared objects of this message that stand in the place of a secret. */
  readonly #shared = new Set<string>();
  /** Whether all shared objects are hidden. */
  #isAllShared = false;
  /** How many values were replaced. */
  count = 0;

  constructor(names: SecretNames, known: KnownSecrets) {
    this.#names = names;
    this.#known = known;
  }

  /** Replaces what is secret in `(message …)` or `(cachemessage …)`. */
  call(message: Expression, secret: SecretCall | undefined): Expression {
    const [command, id, target, method, wantsAnswer, givenArgs, givenKwargs] = message as unknown as Call;
    let args: Expression = givenArgs;
    let kwargs: Expression = givenKwargs;
    const isAllSecret = secret?.firstArgument === 0 && secret.lastArgument === Infinity;
    this.#repeat(() => {
      args = this.#arguments(args, secret);
      kwargs = isAllSecret ? this.#hide(kwargs) : this.#keywords(kwargs, secret);
    });
    return [command, ...[id, target, method, wantsAnswer, args, kwargs].map((value) => this.#mask(value))];
  }

  /** Replaces what is secret in `(answer …)` or `(error …)`. `isHidden`: all of it. */
  answer(message: Expression, isHidden: boolean): Expression {
    const [command, id, given] = message as unknown as readonly [Expression, Expression, Expression];
    let value: Expression = given;
    this.#repeat(() => (value = isHidden ? this.#hide(value) : this.#fields(value)));
    return [command, this.#mask(id), this.#mask(value)];
  }

  /** Replaces what is secret in any other expression. */
  other(expression: Expression): Expression {
    let shown = expression;
    this.#repeat(() => (shown = this.#fields(shown)));
    return this.#mask(shown);
  }

  /** A shared object may be written before it turns out to be secret. */
  #repeat(action: () => void): void {
    for (let pass = 1; pass <= MOST_PASSES; pass++) {
      const before = this.#shared.size;
      action();
      if (this.#shared.size === before) return;
    }
    this.#isAllShared = true;
    action();
  }

  #arguments(args: Expression, secret: SecretCall | undefined): Expression {
    if (secret === undefined || !Array.isArray(args)) return this.#fields(args);
    const [tag, id, shared] = args;
    if (latin1(tag) === "reference" && args.length === 3) return [tag!, id!, this.#arguments(shared!, secret)];
    return args.map((value, index) => {
      if (index === 0) return value;
      const isSecret = index - 1 >= secret.firstArgument && index - 1 <= secret.lastArgument;
      return isSecret ? this.#hide(value) : this.#fields(value);
    });
  }

  /** Keyword arguments: those that may be in the place of a secret positional one are hidden too. */
  #keywords(kwargs: Expression, secret: SecretCall | undefined): Expression {
    if (secret === undefined || !Array.isArray(kwargs)) return this.#fields(kwargs);
    const [tag, id, shared] = kwargs;
    if (latin1(tag) === "reference" && kwargs.length === 3) return [tag!, id!, this.#keywords(shared!, secret)];
    return kwargs.map((entry, index) => {
      if (index === 0 || !Array.isArray(entry) || entry.length !== 2) return this.#fields(entry);
      const [key, value] = entry as unknown as readonly [Expression, Expression];
      const isUser = secret.firstArgument > 0 && USER_NAMES.test(nameOf(key) ?? "");
      return isUser ? this.#pair(entry, 0) : [key, this.#hide(value)];
    });
  }

  /** Hides the values of fields with secret names. */
  #fields(value: Expression): Expression {
    if (!Array.isArray(value)) return value;
    const [tag, id] = value;
    const word = latin1(tag);
    if (word === "reference" && value.length === 3) {
      const isSecret = this.#isAllShared || this.#shared.has(String(id));
      return [tag!, id!, isSecret ? this.#hide(value[2]!) : this.#fields(value[2]!)];
    }
    if (word === "dictionary") return value.map((entry, index) => (index === 0 ? entry : this.#pair(entry, 0)));
    if (word !== undefined && CONTAINERS.has(word) && value.length === 3) return this.#pair(value, 1);
    if (word !== undefined && CONTAINERS.has(word) && value.length === SPLICE_LENGTH) return this.#splice(value);
    return value.map((item) => this.#fields(item));
  }

  /** The items that an operation of a patch of live state puts at a pointer. */
  #splice(operation: readonly Expression[]): Expression {
    const pointer = nameOf(operation[1]!);
    const isSecret = pointer?.startsWith("/") === true && this.#names.isSecretField(pointer);
    return operation.map((item, index) => (isSecret && index === 4 ? this.#hide(item) : this.#fields(item)));
  }

  /** A name at `at`, and its value after it. */
  #pair(pair: Expression, at: number): Expression {
    if (!Array.isArray(pair) || pair.length !== at + 2) return this.#fields(pair);
    const name = nameOf(pair[at]!);
    const value = pair[at + 1]!;
    const isSecret = name !== undefined && this.#names.isSecretField(name);
    return [...pair.slice(0, at), this.#fields(pair[at]!), isSecret ? this.#hide(value) : this.#fields(value)];
  }

  /** Hides everything in a value but its structure, references, booleans and None. */
  #hide(value: Expression): Expression {
    if (!Array.isArray(value)) return this.#secret(value);
    const [tag, id] = value;
    const word = latin1(tag);
    if (word === undefined) return value.map((item) => this.#hide(item));
    if (KEPT.has(word))
      return isPlain(word, value) ? value : value.map((item, at) => (at === 0 ? item : this.#hide(item)));
    if (word === "dereference") {
      this.#shared.add(String(id));
      return value;
    }
    if (word === "reference" && value.length === 3) return [tag!, id!, this.#hide(value[2]!)];
    if (word === "dictionary") return value.map((entry, index) => (index === 0 ? entry : this.#hideEntry(entry)));
    if (SCALARS.has(word)) {
      this.count++;
      return MARK;
    }
    const isCache = value.length === 3 && typeof id === "number" && !CONTAINERS.has(word) && word !== "unicode";
    const isTag = TAGS.has(word);
    return value.map((item, index) => ((index === 0 && isTag) || (index === 1 && isCache) ? item : this.#hide(item)));
  }

  #hideEntry(entry: Expression): Expression {
    return Array.isArray(entry) ? entry.map((item) => this.#hide(item)) : this.#hide(entry);
  }

  #secret(value: Expression): Uint8Array {
    if (value instanceof Uint8Array && Buffer.compare(value, MARK) === 0) return value;
    this.count++;
    if (value instanceof Uint8Array) this.#known.add(value);
    return MARK;
  }

  /** Hides texts that contain a secret of an earlier place. */
  #mask(value: Expression): Expression {
    if (this.#known.isEmpty) return value;
    if (Array.isArray(value)) return value.map((item) => this.#mask(item));
    if (!(value instanceof Uint8Array) || !this.#known.occursIn(value)) return value;
    this.count++;
    return MARK;
  }
}

/** Whether a value with a tag that is kept has the usual form, which has no place for a secret. */
function isPlain(word: string, value: readonly Expression[]): boolean {
  const [, content] = value;
  if (word === "None") return value.length === 1;
  if (value.length !== 2) return false;
  if (word === "boolean") return /^(true|false)$/.test(latin1(content) ?? "");
  return typeof content === "number" || word === "local";
}

/** The name in a byte string or a text. */
function nameOf(value: Expression): string | undefined {
  if (!Array.isArray(value)) return latin1(value);
  return value.length === 2 && latin1(value[0]) === "unicode" ? latin1(value[1]) : undefined;
}
