// The lists with which jelly writes scalars, for the fast path `ExpressionReader.scalar`.

import { ListHead, ScalarPatterns } from "@pb/banana";
import { BOOLEAN } from "../types/boolean.js";
import { UNICODE } from "../types/text.js";

export const SCALARS: ScalarPatterns = new ScalarPatterns(UNICODE, BOOLEAN, new ListHead(1, "None"));
