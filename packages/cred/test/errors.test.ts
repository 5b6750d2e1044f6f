// Tests of the names under which errors are sent to the peer.

import { expect, test } from "vitest";
import { describeError } from "@pb/broker";
import { LoginDenied, LoginFailed, NotImplementedError, UnauthorizedLogin, UnhandledCredentials } from "@pb/cred";

test.each<[Error, string[]]>([
  [
    new UnauthorizedLogin(),
    ["twisted.cred.error.UnauthorizedLogin", "twisted.cred.error.LoginFailed", "twisted.cred.error.Unauthorized"],
  ],
  [new LoginDenied("x"), ["twisted.cred.error.LoginDenied", "twisted.cred.error.LoginFailed"]],
  [new UnhandledCredentials("x"), ["twisted.cred.error.UnhandledCredentials", "twisted.cred.error.LoginFailed"]],
  [new LoginFailed("x"), ["twisted.cred.error.LoginFailed"]],
  [new NotImplementedError("x"), ["builtins.NotImplementedError", "builtins.RuntimeError"]],
])("%s is sent under the names that a Twisted peer traps", (error, names) => {
  expect(describeError(error).parents).toEqual([
    ...names,
    "builtins.Exception",
    "builtins.BaseException",
    "builtins.object",
  ]);
});
