// The paths of `pb call`.

import { expect, test } from "vitest";
import { parsePath } from "../src/call/path.js";

test.each([
  ["root.find", { published: undefined, steps: [{ method: "find", args: [] }] }],
  [
    'root.room("lobby", {"a": ")"}).members',
    {
      published: undefined,
      steps: [
        { method: "room", args: ["lobby", { a: ")" }] },
        { method: "members", args: [] },
      ],
    },
  ],
  ['object("shop").find(1)', { published: "shop", steps: [{ method: "find", args: [1] }] }],
])("%s", (text, path) => {
  expect(parsePath(text)).toEqual(path);
});

test.each([
  ["", "position 0: expected root"],
  ["rot.find", "position 0: a path begins with root"],
  ["root", "position 4: expected a dot and the name"],
  ["root.", "position 5: expected the name of a method"],
  ["root..a", "position 5: expected the name of a method"],
  ["root.a b", "position 6: expected a dot"],
  ["root.a(1", "position 6: there is no closing parenthesis"],
  ["root.a(1))", "position 9: expected a dot"],
  ["root.a(x)", "position 7: "],
  ["object.find", "position 6: expected object("],
  ["object(1).find", "position 6: expected object("],
])("%j is refused at its position", (text, message) => {
  expect(() => parsePath(text)).toThrow(
    expect.objectContaining({ code: "CLI_USAGE", message: expect.stringContaining(message) }),
  );
});
