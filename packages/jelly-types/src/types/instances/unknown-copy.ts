// Copies of classes that nobody registered, kept as they came.

import { JellyError, shorten } from "../../errors.js";
import type { TypeHandler } from "../../handler.js";

/** An instance of a class we do not know: its name and its state, data and nothing more. It can be sent on unchanged. */
export class UnknownCopy {
  /** `module.Class`, or whatever the sender calls it. */
  readonly name: string;
  state: unknown;

  constructor(name: string, state?: unknown) {
    this.name = name;
    this.state = state;
  }
}

/** Writes all of them. Reads any atom, when the unjellier decides that it may. */
export const unknownCopy: TypeHandler<UnknownCopy> = {
  atoms: [],
  classes: [UnknownCopy],
  jelly({ name, state }, jellier) {
    jellier.writer.list(2);
    jellier.writer.word(name);
    jellier.write(state);
  },
  unjelly(unjellier, items, name) {
    if (items !== 1) {
      throw new JellyError(
        "JELLY_MALFORMED",
        `An instance of ${shorten(name)}, which nobody registered, has a name and a state; this one has ${items} more elements`,
      );
    }
    const copy = new UnknownCopy(name);
    unjellier.registerBlank(copy);
    unjellier.readState((state) => (copy.state = state));
    return copy;
  },
};
