// Makes garbage collection something a test can ask for.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** From now on, `globalThis.gc` is there: `expectNothingLeft` collects what the test let go of. */
export function exposeGarbageCollection(): void {
  setFlagsFromString("--expose-gc");
  (globalThis as { gc?: unknown }).gc = runInNewContext("gc");
}
