// What could not be sent, and says why.

import { inspect, readExpression } from "@pb/banana";
import { JellyError } from "../../errors.js";
import type { TypeHandler } from "../../handler.js";

/** Stands where a Twisted peer had an object that does not travel (`twisted.spread.jelly.Unpersistable`). */
export class Unpersistable {
  /** For people: `instance of class shop.Ledger deemed insecure`. */
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }

  toString(): string {
    return this.reason;
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
    if (items < 1) throw new JellyError("JELLY_MALFORMED", "An unpersistable has a reason");
    const reason = readExpression(unjellier.reader);
    unjellier.skip(items - 1);
    const made = new Unpersistable(reason instanceof Uint8Array ? utf8.decode(reason) : inspect(reason));
    unjellier.register(made);
    return made;
  },
};
