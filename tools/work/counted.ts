// Runs the published code of a package under count: how much work something is, in blocks entered, on any machine the same.

import { Session as Inspector } from "node:inspector";
import { runInThisContext } from "node:vm";
import { bundle } from "../bench/bundle.js";

/** A package's exports, and a count of how often blocks of its code are entered. */
export interface Counted<Exports> extends Disposable {
  readonly exports: Exports;
  countBlocks(work: () => void): number;
}

/** `entry` is the package's index; `Exports` is `typeof` it. Only what runs through `exports` is counted. */
export async function counted<Exports>(entry: URL): Promise<Counted<Exports>> {
  const filename = `${entry.pathname}-under-count.js`;
  const text = new TextDecoder().decode(await bundle(entry));
  const names = /export \{([^}]*)\};\s*$/.exec(text)![1]!.replace(/(\w+) as (\w+)/g, "$2: $1");
  const script = `(() => { ${text.slice(0, text.lastIndexOf("export {"))} return {${names}}; })()`;
  const inspector = new Inspector();
  // Only what is compiled from now on is counted block by block.
  inspector.connect();
  inspector.post("Profiler.enable");
  inspector.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });

  /** The counts since the last call. */
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
