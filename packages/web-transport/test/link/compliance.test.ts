// Links over every kind of connection obey the rules for all links.

import { describe, test } from "vitest";
import { linkCompliance } from "@pb/broker/testing";
import { kinds } from "../support/link-pairs.js";

describe.for(Object.entries(kinds))("%s", ([, join]) => {
  for (const { name, run } of linkCompliance) test(name, () => run(join));
});
