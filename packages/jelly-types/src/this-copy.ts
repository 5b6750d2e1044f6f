// The name and the version of this package, for errors about objects of another copy of it.

import type { PackageCopy } from "@pb/banana";

/** Inserted by the build. */
declare const PB_VERSION: string | undefined;

export const thisCopy: PackageCopy = {
  name: "@pb/jelly-types",
  version: typeof PB_VERSION === "string" ? PB_VERSION : "not built",
};
