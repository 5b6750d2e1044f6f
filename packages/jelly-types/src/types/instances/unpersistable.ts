// Placeholders for objects that the peer could not send, with the reason.

import { inspectExpression, madeBy, readExpression, readExpressionInSteps } from "@pb/banana";
import type { Expression, PackageCopy } from "@pb/banana";
import { InsecureJellyError, JellyError, printable } from "../../errors.js";
import type { JellyReader, TypeHandler } from "../../handler.js";
import { thisCopy } from "../../this-copy.js";

/** Replaces an object that a Twisted peer could not send (`twisted.spread.jelly.Unpersistable`). */
export class Unpersistable {
  /** For the compiler only: no other class, interface or literal has the type of this class. */
  declare private readonly brand: "Unpersistable";

  /** A text for people: `instance of class shop.Ledger deemed insecure`. */
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }

  toString(): string {
    return this.reason;
  }

  /** @internal */
  get [madeBy](): PackageCopy {
    return thisCopy;
  }
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

export const unpersistable: TypeHandler<Unpersistable> = {
  atoms: ["unpersistable"],
  classes: [Unpersistable],
  jelly({ reason }, { writer }) {
    writer.list(2);
    writer.word("unpersistable");
    writer.text(reason);
  },
  unjelly(unjellier, items) {
    requireReason(items);
    const { heap } = unjellier;
    const { left } = heap;
    const expression = readExpression(unjellier.reader, heap);
    heap.left = left; // The tree is not kept.
    unjellier.skip(items - 1);
    return make(unjellier, expression);
  },
  *unjellyInSteps(unjellier, items) {
    requireReason(items);
    const { heap } = unjellier;
    const { left } = heap;
    const expression = yield* readExpressionInSteps(unjellier.reader, heap);
    heap.left = left;
    yield* unjellier.skipInSteps(items - 1);
    return make(unjellier, expression);
  },
};

function requireReason(items: number): void {
  if (items < 1) throw new JellyError("JELLY_MALFORMED", "An unpersistable needs a reason");
}

function make(unjellier: JellyReader, expression: Expression): Unpersistable {
  const reason = expression instanceof Uint8Array ? utf8.decode(expression) : inspectExpression(expression);
  if (!unjellier.policy.allowsType("unpersistable"))
    throw new InsecureJellyError("unpersistable", `The peer could not send an object: ${printable(reason)}`);
  unjellier.reportUnpersistable(reason);
  unjellier.charge(reason.length);
  const placeholder = new Unpersistable(reason);
  unjellier.register(placeholder);
  return placeholder;
}
