/** Arbitrary messages and values of a peer: most are valid, some are nearly valid. */

import type { Expression } from "@pb/banana";
import fc from "fast-check";
import { requestOf, word } from "./ledger.js";
import type { Ledger } from "./ledger.js";

type Values = fc.Arbitrary<Expression>;

const small: Values = fc.nat({ max: 4 });
const words = (...texts: string[]): Values => fc.constantFrom(...texts).map(word);
const list = (...parts: Values[]): Values => fc.tuple(...parts);
const text = (...texts: string[]): Values => list(words("unicode"), words(...texts));
const entry = (name: string, value: Values): Values => list(text(name), value);
/** A list that begins with a word, followed by up to three items. */
const tagged = (tag: Values, item: Values): Values =>
  fc.tuple(tag, fc.array(item, { maxLength: 3 })).map(([first, items]) => [first, ...items]);

const oddValues: Values = fc.oneof(
  fc.constantFrom<Expression>(-1, 2 ** 31, 10n ** 30n, [], [[]]),
  words("", "\xff\xfe", "root"),
);

const { value } = fc.letrec<{ value: Expression }>((tie) => {
  const inner = tie("value");
  const key = fc.oneof(text("a", "b", "__proto__"), small, words("bytes"));
  return {
    value: fc.oneof(
      { maxDepth: 3, depthSize: "small" },
      fc.oneof(
        small,
        words("bytes"),
        list(words("None")),
        list(words("boolean"), words("true", "false")),
        text("text", "__proto__", "constructor", "then", "x"),
        list(words("remote", "cached", "lcache", "dereference", "local"), small),
        list(words("local"), words("root")),
        list(words("unpersistable"), words("why")),
        oddValues,
      ),
      tagged(words("list", "tuple", "set", "frozenset", "copy"), inner),
      tagged(words("dictionary"), list(key, inner)),
      list(words("reference"), small, inner),
      list(words("fuzz.Parcel"), list(words("dictionary"), entry("content", inner))),
      list(words("fuzz.Stock"), small, list(words("dictionary"), entry("value", inner))),
      list(words("fuzz.Page"), small, pageState()),
      list(words("fuzz.Unknown"), inner),
    ),
  };
});

function pageState(): Values {
  return list(
    words("dictionary"),
    entry("remote", list(words("remote"), small)),
    entry("publishedID", text("id")),
    entry("perspective", words("None")),
    entry("service", words("None")),
    entry("timestamp", small),
  );
}

/** Changes one list inside the expression, in one of five cases: an element is removed, inserted or replaced. */
function mutated(expressions: Values): Values {
  const mutation = fc.record({
    list: fc.nat(),
    at: fc.nat(),
    removed: fc.nat({ max: 1 }),
    added: fc.array(value, { maxLength: 1 }),
  });
  return fc
    .tuple(expressions, fc.option(mutation, { freq: 1 }), fc.nat({ max: 2 }))
    .map(([expression, change, skip]) => {
      if (change === null || skip > 0) return expression;
      const copy = structuredClone(expression);
      const lists: Expression[][] = [];
      const collect = (part: Expression): void => {
        if (!Array.isArray(part)) return;
        lists.push(part);
        part.forEach(collect);
      };
      collect(copy);
      const chosen = lists[change.list % lists.length];
      chosen?.splice(change.at % (chosen.length + 1), change.removed, ...change.added);
      return copy;
    });
}

const methods = (
  "echo give giveNew stock update view page copy later tangle fail break keep release call call " +
  "who toString __proto__ constructor getStateToPublish nothing"
).split(" ");

/** What the peer does in one step. Numbers choose among the ids that the ledger has at that time. */
export const step = fc.record({
  kind: fc.constantFrom("call", "call", "call", "call", "decref", "decache", "cachemessage", "lie"),
  repeatsId: fc.nat({ max: 11 }).map((number) => number === 0),
  number: fc.nat({ max: 1000 }),
  target: fc.oneof(
    { weight: 3, arbitrary: words("root") },
    { weight: 1, arbitrary: words("shelf", "nobody", "reference") },
  ),
  method: words(...methods),
  flag: fc.constantFrom(1, 1, 1, 0),
  args: mutated(tagged(words("tuple"), value)),
  kwargs: mutated(
    fc.oneof(
      { weight: 5, arbitrary: list(words("dictionary")) },
      { weight: 1, arbitrary: list(words("dictionary"), entry("key", value)) },
    ),
  ),
  lie: mutated(
    fc.oneof(
      list(words("decref", "decache", "uncache"), small),
      list(words("answer", "error"), small, value),
      list(words("didNotUnderstand", "unknown"), words("what")),
      tagged(words("message", "decref", "answer", "uncache"), value),
      list(words("message"), small, words("root"), words("echo"), small, value, value),
    ),
  ),
});
export type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

/** What the peer answers to a call of the broker: nothing in one case of three. */
export const reply = fc.option(fc.tuple(words("answer", "answer", "error"), mutated(value)), { freq: 2 });
export type Reply = typeof reply extends fc.Arbitrary<infer Value> ? Value : never;

/** The message of a step. An honest peer releases only ids that it has, and never lies; its values may be as odd. */
export function messageOf(choice: Step, ledger: Ledger, isHonest: boolean): Expression {
  const { kind, number, method, flag, args, kwargs } = choice;
  const { references, caches } = ledger;
  const id = choice.repeatsId ? number % 5 : ledger.nextRequest();
  const isReference = Buffer.from(choice.target as Uint8Array).toString() === "reference";
  const target = isReference ? (references[number % references.length] ?? number % 5) : choice.target;
  if (kind === "lie" && !isHonest) return choice.lie;
  if (kind === "cachemessage")
    return [word("cachemessage"), id, number % 5, word("set"), number % 2, args, [word("dictionary")]];
  const ids = kind === "decref" ? references : caches;
  if ((kind === "decref" || kind === "decache") && ids.length > 0)
    return [word(kind), ids.splice(number % ids.length, 1)[0]!];
  return [word("message"), id, target, method, flag, args, kwargs];
}

export function replyTo(received: Expression, answer: Reply): Expression[] {
  if (answer === null || requestOf(received) === undefined) return [];
  return [[answer[0], (received as Expression[])[1]!, answer[1]]];
}
