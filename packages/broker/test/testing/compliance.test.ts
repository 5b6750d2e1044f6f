// The in-memory link passes the compliance checks, with chunks of any size.

import { describe, test } from "vitest";
import { linkCompliance, linkPair } from "@pb/broker/testing";

describe.for([Infinity, 4099])("a memory link that delivers %d bytes at a time", (chunkBytes) => {
  for (const { name, run } of linkCompliance) test(name, () => run(() => linkPair({ chunkBytes })));
});
