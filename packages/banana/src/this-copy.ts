// The name and the version of this package, for errors about objects of another copy of it.

import type { PackageCopy } from "./package-copy.js";

/** Inserted by the build. */
declare const PB_VERSION: string | undefined;

export const thisCopy: PackageCopy = {
  name: "@pb/banana",
  version: typeof PB_VERSION === "string" ? PB_VERSION : "not built",
};
