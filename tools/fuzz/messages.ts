// What a strange peer says: messages and values that nearly are as they should be.

import type { Expression } from "@pb/banana";
import { requestOf, word } from "./expressions.js";
import type { Ledger } from "./ledger.js";
import type { Random } from "./random.js";

/** An answer to a call of the broker. */
export function replyTo(random: Random, heard: Expression): Expression | undefined {
  if (requestOf(heard) === undefined) return undefined;
  const kind = word(random.pick(["answer", "answer", "error"]));
  return [kind, (heard as Expression[])[1]!, mutated(random, value(random, 3))];
}

/** A message to a {@link World}. An honest peer only gives back what it has; its values may be as strange as those of any. */
export function message(random: Random, ledger: Ledger, isHonest: boolean): Expression {
  const { references, caches } = ledger;
  const id = random.below(12) === 0 ? random.below(5) : ledger.nextRequest();
  const small = (): Expression => random.below(5);
  const target = (): Expression =>
    random.pick<() => Expression>([
      () => word("root"),
      () => word("shelf"),
      () => word("nobody"),
      () => (references.length > 0 ? random.pick(references) : small()),
    ])();
  const call = (): Expression => [
    word("message"),
    id,
    random.below(3) > 0 ? word("root") : target(),
    word(random.pick(METHODS)),
    random.below(4) > 0 ? 1 : 0,
    mutated(random, [word("tuple"), ...Array.from({ length: random.below(3) }, () => value(random, 3))]),
    mutated(random, [
      word("dictionary"),
      ...(random.below(6) > 0 ? [] : [[[word("unicode"), word("key")], value(random, 2)]]),
    ]),
  ];
  if (random.below(3) > 0) return call();
  // An honest peer gives back what it has, once.
  const release = (command: string, held: number[]): Expression =>
    held.length === 0 ? call() : [word(command), held.splice(random.below(held.length), 1)[0]!];
  if (isHonest || random.below(20) > 0)
    return random.pick<() => Expression>([
      () => release("decref", references),
      () => release("decache", caches),
      () => [
        word("cachemessage"),
        id,
        small(),
        word("set"),
        random.below(2),
        [word("tuple"), value(random, 2)],
        [word("dictionary")],
      ],
    ])();
  return mutated(
    random,
    random.pick<() => Expression>([
      call,
      () => [word("decref"), small()],
      () => [word("decache"), small()],
      () => [word("uncache"), small()],
      () => [word(random.pick(["answer", "error"])), small(), value(random, 3)],
      () => [word("didNotUnderstand"), word("what")],
    ])(),
  );
}

/** Of a {@link World}, and of nobody. */
const METHODS = (
  "echo give giveNew stock update view page copy later tangle fail break keep release call call " +
  "who toString __proto__ constructor getStateToPublish nothing"
).split(" ");

/** Most stay as they are. */
function mutated(random: Random, expression: Expression): Expression {
  if (random.below(5) > 0) return expression;
  const lists: Expression[][] = [];
  const collect = (part: Expression): void => {
    if (!Array.isArray(part)) return;
    lists.push(part);
    for (const each of part) collect(each);
  };
  const copy = structuredClone(expression);
  collect(copy);
  if (lists.length === 0) return copy;
  const list = random.pick(lists);
  const at = random.below(list.length + 1);
  switch (random.below(4)) {
    case 0:
      list.splice(at, 1);
      break;
    case 1:
      list.splice(at, 0, value(random, 2));
      break;
    case 2:
      if (at < list.length) list[at] = value(random, 2);
      break;
    case 3:
      if (at < list.length) list[at] = random.pick(ODD)();
      break;
  }
  return copy;
}

const ODD: readonly (() => Expression)[] = [
  () => -1,
  () => 2 ** 31,
  () => 10n ** 30n,
  () => word(""),
  () => Uint8Array.of(0xff, 0xfe),
  () => [],
  () => [[]],
  () => word("root"),
];

/** What jelly might look like. */
function value(random: Random, depth: number): Expression {
  const some = (): Expression[] =>
    depth > 0 ? Array.from({ length: random.below(4) }, () => value(random, depth - 1)) : [];
  const one = (): Expression => value(random, depth - 1);
  const small = (): Expression => random.below(4);
  const leaves: readonly (() => Expression)[] = [
    small,
    () => word("bytes"),
    () => [word("None")],
    () => [word("boolean"), word(random.pick(["true", "false"]))],
    () => [word("unicode"), word(random.pick(["text", "__proto__", "constructor", "then", "x"]))],
    () => [word("remote"), small()],
    () => [word("local"), random.pick<Expression>([word("root"), small()])],
    () => [word("cached"), small()],
    () => [word("lcache"), small()],
    () => [word("dereference"), small()],
    () => [word("unpersistable"), word("why")],
    () => random.pick(ODD)(),
  ];
  if (depth <= 0 || random.below(3) === 0) return random.pick(leaves)();
  return random.pick<() => Expression>([
    () => [word(random.pick(["list", "tuple", "set", "frozenset"])), ...some()],
    () => [word("dictionary"), ...some().map((item) => [value(random, 0), item])],
    () => [
      word("dictionary"),
      ...some().map((item) => [[word("unicode"), word(random.pick(["a", "b", "__proto__"]))], item]),
    ],
    () => [word("reference"), small(), one()],
    () => [word("fuzz.Parcel"), [word("dictionary"), [[word("unicode"), word("content")], one()]]],
    () => [word("fuzz.Stock"), small(), [word("dictionary"), [[word("unicode"), word("value")], one()]]],
    () => [word("fuzz.Page"), small(), announcement(random)],
    () => [word("fuzz.Unknown"), one()],
    () => [word("copy"), ...some()],
  ])();
}

function announcement(random: Random): Expression {
  const entry = (name: string, item: Expression): Expression => [[word("unicode"), word(name)], item];
  return [
    word("dictionary"),
    entry("remote", [word("remote"), random.below(4)]),
    entry("publishedID", [word("unicode"), word("id")]),
    entry("perspective", word("None")),
    entry("service", word("None")),
    entry("timestamp", random.below(3)),
  ];
}
