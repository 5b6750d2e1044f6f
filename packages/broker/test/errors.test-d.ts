// The codes of errors: FAMILY_DETAIL in capital letters, with one family per class or layer.

import { expectTypeOf, test } from "vitest";
import type { BananaErrorCode } from "@pb/banana";
import type { ProtocolErrorCode } from "@pb/broker";
import type { JellyErrorCode } from "@pb/jelly-types";
import type { LoginErrorCode } from "../../cred/src/index.js";
import type { ConnectErrorCode } from "../../node-transport/src/index.js";

test("the codes of an error class that has several begin with its family", () => {
  expectTypeOf<BananaErrorCode>().toExtend<`BANANA_${Uppercase<string>}`>();
  expectTypeOf<JellyErrorCode>().toExtend<`JELLY_${Uppercase<string>}`>();
  expectTypeOf<ProtocolErrorCode>().toExtend<`PROTOCOL_${Uppercase<string>}`>();
  expectTypeOf<LoginErrorCode>().toExtend<`LOGIN_${Uppercase<string>}`>();
  expectTypeOf<ConnectErrorCode>().toExtend<`CONNECT_${Uppercase<string>}`>();
});
