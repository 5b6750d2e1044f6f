// Tests of the names under which errors are sent to the peer, and of their codes.

import { expect, test } from "vitest";
import { describeError, PerspectiveBrokerError } from "@pb/broker";
import { LoginDenied, LoginFailed, NotImplementedError, UnauthorizedLogin, UnhandledCredentials } from "@pb/cred";
import { ChannelBindingUnavailable } from "../src/errors.js";

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

test.each([
  [new LoginFailed(), "LOGIN_FAILED"],
  [new UnauthorizedLogin(), "LOGIN_UNAUTHORIZED"],
  [new LoginDenied(), "LOGIN_DENIED"],
  [new UnhandledCredentials(), "LOGIN_UNHANDLED"],
  [new NotImplementedError(), "LOGIN_NOT_IMPLEMENTED"],
  [new ChannelBindingUnavailable("none"), "LOGIN_CHANNEL_BINDING_UNAVAILABLE"],
])("%s is a PerspectiveBrokerError with the code %s", (error, code) => {
  expect(error).toBeInstanceOf(PerspectiveBrokerError);
  expect(error.code).toBe(code);
});
