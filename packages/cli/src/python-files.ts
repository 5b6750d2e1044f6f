// Where the Python files of this package are. The folders `src`, `dist` and `python` are side by side.

import { fileURLToPath } from "node:url";

/** The path of the script that describes the classes of a Python program. */
export function describeScript(): string {
  return fileURLToPath(new URL("../python/describe.py", import.meta.url));
}
