/** Arbitrary messages and values of a peer: most are valid, some are nearly valid. */

import type { Expression } from "@pb/banana";
import fc from "fast-check";
import { sexp } from "../../packages/broker/test/support/sexp.js";
import { requestOf, word } from "./ledger.js";
import type { Ledger } from "./ledger.js";

type Values = fc.Arbitrary<Expression>;

/**
 * Expressions like `pattern`, in the notation of {@link sexp}. `a|b` is one of these words, `$name` one of `parts`, and
 * `$name*` up to three of them.
 */
function like(pattern: string, parts: Readonly<Record<string, Values>> = {}): Values {
  /** The elements of a list that a part of the pattern stands for. */
  const elementsLike = (part: Expression): fc.Arbitrary<Expression[]> => {
    if (Array.isArray(part)) return fc.tuple(...part.map(elementsLike)).map((elements) => [elements.flat()]);
    if (!(part instanceof Uint8Array)) return fc.constant([part]);
    const text = Buffer.from(part).toString();
    if (!text.startsWith("$")) return fc.constantFrom(...text.split("|")).map((choice) => [word(choice)]);
    const element = parts[text.replace(/\W/g, "")]!;
    return text.endsWith("*") ? fc.array(element, { maxLength: 3 }) : fc.tuple(element);
  };
  return elementsLike(sexp(pattern)).map(([expression]) => expression!);
}

const small: Values = fc.nat({ max: 4 });
const leaves = [
  "bytes",
  "(None)",
  "(boolean true|false)",
  "(unicode text|__proto__|constructor|then|x)",
  "(remote|cached|lcache|dereference|local $small)",
  "(local root)",
  "(unpersistable why)",
];
const nodes = [
  "(list|tuple|set|frozenset|copy $value*)",
  "(dictionary $entry*)",
  "(reference $small $value)",
  "(fuzz.Parcel (dictionary ((unicode content) $value)))",
  "(shop.Stock $small (dictionary ((unicode apples) $value)))",
  `(fuzz.Page $small (dictionary ((unicode remote) (remote $small)) ((unicode publishedID) (unicode id))
    ((unicode perspective) None) ((unicode service) None) ((unicode timestamp) $small)))`,
  "(fuzz.Unknown $value)",
];
const oddValues: Values = fc.oneof(
  fc.constantFrom<Expression>(-1, 2 ** 31, 10n ** 30n, [], [[]]),
  fc.constantFrom("", "\xff\xfe", "root").map(word),
);

const { value } = fc.letrec<{ value: Expression }>((tie) => {
  const key = fc.oneof(like("(unicode a|b|__proto__)"), small, like("bytes"));
  const entry = like("($key $value)", { key, value: tie("value") });
  const parts = { small, value: tie("value"), entry };
  return {
    value: fc.oneof(
      { maxDepth: 3, depthSize: "small" },
      fc.oneof(small, oddValues, ...leaves.map((pattern) => like(pattern, parts))),
      ...nodes.map((pattern) => like(pattern, parts)),
    ),
  };
});

/** Changes one list inside the expression, in one of five cases: an element is removed, inserted or replaced. */
function mutated(expressions: Values): Values {
  const mutation = fc.record({
    list: fc.nat(),
    at: fc.nat(),
    removed: fc.nat({ max: 1 }),
    added: fc.array(value, { maxLength: 1 }),
  });
  const changed = fc.tuple(expressions, mutation).map(([expression, { list, at, removed, added }]) => {
    const copy = structuredClone(expression);
    const chosen = listsIn(copy).at(list % (listsIn(copy).length || 1));
    chosen?.splice(at % (chosen.length + 1), removed, ...added);
    return copy;
  });
  return fc.oneof({ weight: 4, arbitrary: expressions }, { weight: 1, arbitrary: changed });
}

function listsIn(expression: Expression): Expression[][] {
  return Array.isArray(expression) ? [expression, ...expression.flatMap(listsIn)] : [];
}

const mutatedLike = (...patterns: string[]): Values =>
  mutated(fc.oneof(...patterns.map((pattern) => like(pattern, { small, value }))));

/** What the peer does in one step. Numbers choose among the ids that the ledger has at that time. */
export const step = fc.record({
  kind: fc.constantFrom("call", "call", "call", "call", "pbx", "decref", "decache", "cachemessage", "lie"),
  repeatsId: fc.nat({ max: 11 }).map((number) => number === 0),
  number: fc.nat({ max: 1000 }),
  target: fc.oneof(like("root"), like("root"), like("root"), like("shelf|nobody|reference|result")),
  method: like(
    "echo|give|giveNew|stock|update|view|page|copy|later|tangle|fail|break|keep|release|call|call|" +
      "who|toString|__proto__|constructor|getStateToPublish|nothing",
  ),
  flag: fc.constantFrom(1, 1, 1, 0),
  pbxMethod: like("note|cancel|expect|expect|forget|hello"),
  note: mutatedLike(
    "(dictionary ((unicode deadline) $small))",
    "(dictionary ((unicode traceparent) $value))",
    "(dictionary ((unicode key) (unicode 0123456789abcdef|fedcba9876543210)) ((unicode since) $small))",
    "(dictionary ((unicode key) $value) ((unicode since) $value))",
  ),
  cacheMethod: like("apples|apples|self|fail"),
  args: mutatedLike("(tuple $value*)"),
  kwargs: mutatedLike(...Array<string>(5).fill("(dictionary)"), "(dictionary ((unicode key) $value))"),
  lie: mutatedLike(
    "(decref|decache|uncache $small)",
    "(answer|error $small $value)",
    "(didNotUnderstand|unknown what)",
    "(message|decref|answer|uncache $value*)",
    "(message $small root echo $small $value $value)",
  ),
});
export type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

/** What the peer answers to a call of the broker: nothing in one case of three. */
export const reply = fc.option(fc.tuple(like("answer|answer|error"), mutated(value)), { freq: 2 });
export type Reply = typeof reply extends fc.Arbitrary<infer Value> ? Value : never;

/** The message of a step. An honest peer releases only ids that it has, and never lies; its values may be as odd. */
export function messageOf(choice: Step, ledger: Ledger, isHonest: boolean): Expression {
  const { kind, number, method, flag, args, kwargs } = choice;
  const { references, caches } = ledger;
  const id = choice.repeatsId ? number % 5 : ledger.nextRequest();
  const target = targetOf(choice, id, references);
  if (kind === "lie" && !isHonest) return choice.lie;
  if (kind === "pbx") {
    const about = [word("tuple"), id + (number % 7) - 2, choice.note]; // The id of an earlier or a later call.
    return [word("message"), id, word("pbx"), choice.pbxMethod, flag, number < 900 ? about : args, kwargs];
  }
  if (kind === "cachemessage")
    return [word("cachemessage"), id, number % 5, choice.cacheMethod, number % 2, args, [word("dictionary")]];
  const ids = kind === "decref" ? references : caches;
  if ((kind === "decref" || kind === "decache") && ids.length > 0)
    return [word(kind), ids.splice(number % ids.length, 1)[0]!];
  return [word("message"), id, target, method, flag, args, kwargs];
}

/** The object that a call is for: for `result`, the result of a call shortly before it. */
function targetOf({ target, number }: Step, id: number, references: readonly number[]): Expression {
  const name = Buffer.from(target as Uint8Array).toString();
  if (name === "result") return word(`pbx:${id - (number % 4)}`);
  return name === "reference" ? (references[number % references.length] ?? number % 5) : target;
}

export function replyTo(received: Expression, answer: Reply): Expression[] {
  if (answer === null || requestOf(received) === undefined) return [];
  return [[answer[0], (received as Expression[])[1]!, answer[1]]];
}
