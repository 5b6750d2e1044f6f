// Plain data from its bytes.

import { decode, pb } from "@pb/banana";
import { unjelly } from "@pb/jelly-types";
import { adopt } from "@pb/live/extension";

/** The frozen value of a tree that another node has written. */
export function readTree(bytes: Uint8Array): unknown {
  return adopt(unjelly(decode(bytes, { dialect: pb })));
}
