/**
 * Runs the published code of a package and counts the blocks it enters: a measure of work that is the same on every
 * machine.
 */

import { Session as Inspector } from "node:inspector";
import { runInThisContext } from "node:vm";
import { bundle } from "../bench/bundle.js";

export interface Counted<Exports> extends Disposable {
  readonly exports: Exports;
  /** Returns how many blocks of the package's code `work` entered. Only calls through `exports` are counted. */
  countBlocks(work: () => void): number;
}

/** `entry` is the package's index.ts, `Exports` is `typeof` it. */
export async function counted<Exports>(entry: URL): Promise<Counted<Exports>> {
  const filename = `${entry.pathname}-under-count.js`;
  const script = scriptOf(await bundle(entry));
  const inspector = new Inspector();
  // V8 counts blocks only in code that is compiled after this call.
  inspector.connect();
  inspector.post("Profiler.enable");
  inspector.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });

  /** Returns the counts since the last call. */
  const takeCounts = (): number => {
    let blocks = 0;
    inspector.post("Profiler.takePreciseCoverage", (error, { result }) => {
      if (error !== null) throw error;
      for (const { url, functions } of result)
        if (url.endsWith(filename)) for (const { ranges } of functions) for (const { count } of ranges) blocks += count;
    });
    return blocks;
  };

  return {
    exports: runInThisContext(script, { filename }) as Exports,
    countBlocks(work) {
      takeCounts();
      work();
      return takeCounts();
    },
    [Symbol.dispose]() {
      inspector.post("Profiler.stopPreciseCoverage");
      inspector.disconnect();
    },
  };
}

/** Turns a bundle into a script whose value is an object of its exports. */
export function scriptOf(contents: Uint8Array): string {
  const text = new TextDecoder().decode(contents);
  const names = /export \{([^}]*)\};\s*$/.exec(text)![1]!.replace(/(\w+) as (\w+)/g, "$2: $1");
  return `(() => { ${text.slice(0, text.lastIndexOf("export {"))} return {${names}}; })()`;
}
