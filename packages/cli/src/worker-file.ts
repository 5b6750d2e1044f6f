// Where the program of the second thread is. The folders `src` and `dist` have it beside their other files.

/** Tests and benches, which run on the sources, put a bundle here: their threads cannot run TypeScript. */
export const workerFile: { url: URL } = {
  url: new URL(import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js", import.meta.url),
};
