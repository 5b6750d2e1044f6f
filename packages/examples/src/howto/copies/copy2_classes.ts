// A Copyable and its RemoteCopy. The sender chooses the state; the receiver stores it. (howto/pb/copy2_classes.py)

import { Copyable, RemoteCopy, remoteCopy } from "@pb/broker";
import { TypeRegistry } from "@pb/jelly-types";

export class SenderPond extends Copyable {
  static readonly remoteType = "copy2_classes.SenderPond";
  readonly #numFrogs: number;
  readonly #numToads: number;

  constructor(numFrogs: number, numToads: number) {
    super();
    this.#numFrogs = numFrogs;
    this.#numToads = numToads;
  }

  count(): number {
    return this.#numFrogs + this.#numToads;
  }

  override getStateToCopyFor(): object {
    return { frogsAndToads: this.count() };
  }
}

export class ReceiverPond extends RemoteCopy {
  declare frogsAndToads: number;

  override setCopyableState(state: { frogsAndToads: number }): void {
    this.frogsAndToads = state.frogsAndToads;
  }

  count(): number {
    return this.frogsAndToads;
  }
}

export const types = new TypeRegistry().register(remoteCopy(SenderPond.remoteType, ReceiverPond));
