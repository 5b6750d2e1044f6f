// Copies of unregistered classes, kept as a name and a state.

import { madeBy } from "@pb/banana";
import type { PackageCopy } from "@pb/banana";
import { JellyError, printable } from "../../errors.js";
import type { JellyReader, ReadingHandler, WritingHandler } from "../../handler.js";
import { thisCopy } from "../../this-copy.js";

/** An instance of an unregistered class: its name and its state. It can be sent on unchanged. */
export class UnknownCopy {
  /** For the compiler only: no other class, interface or literal has the type of this class. */
  declare private readonly brand: "UnknownCopy";

  /** The name that the sender uses, usually `module.Class`. */
  readonly name: string;
  state: unknown;

  constructor(name: string, state?: unknown) {
    this.name = name;
    this.state = state;
  }

  /** @internal */
  get [madeBy](): PackageCopy {
    return thisCopy;
  }
}

/**
 * Writes every `UnknownCopy`. The unjellier reads atoms of unregistered classes with this handler, where the policy
 * allows it.
 */
export const unknownCopy: ReadingHandler<UnknownCopy> & WritingHandler<UnknownCopy> = {
  atoms: [],
  classes: [UnknownCopy],
  jelly({ name, state }, jellier) {
    jellier.writer.list(2);
    jellier.writer.word(name);
    jellier.write(state);
  },
  unjelly(unjellier, items, name) {
    const copy = newCopy(unjellier, items, name);
    unjellier.readState((state) => (copy.state = state));
    return copy;
  },
  *unjellyInSteps(unjellier, items, name) {
    const copy = newCopy(unjellier, items, name);
    yield* unjellier.readStateInSteps((state) => void (copy.state = state));
    return copy;
  },
};

function newCopy(unjellier: JellyReader, items: number, name: string): UnknownCopy {
  if (items !== 1) {
    throw new JellyError(
      "JELLY_MALFORMED",
      `An instance of the unregistered class ${printable(name)} needs exactly one state, not ${items}`,
    );
  }
  const copy = new UnknownCopy(name);
  unjellier.registerBlank(copy);
  return copy;
}
