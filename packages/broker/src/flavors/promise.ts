// Promises in results. A promise itself is never sent: the result waits until its promises are fulfilled (see
// `wire/promised-results.ts`).

import { JellyError } from "@pb/jelly-types";
import type { TypeHandler } from "@pb/jelly-types";
import { OutgoingGraph } from "../references/graph-context.js";
import { ignoreRejection } from "../wire/promised-results.js";

export const promiseHandler: TypeHandler<Promise<unknown>> = {
  atoms: [],
  classes: [Promise],
  subclasses: true,
  identity: false,
  jelly(promise, jellier) {
    const { context } = jellier;
    // One in the state of a copy is never waited for.
    ignoreRejection(promise);
    if (!(context instanceof OutgoingGraph && context.notePromise()))
      throw new JellyError(
        "JELLY_NOT_JELLYABLE",
        "A promise cannot be sent; a result may contain promises, arguments may not",
      );
    jellier.write(null); // A placeholder: the message is not sent.
  },
};
