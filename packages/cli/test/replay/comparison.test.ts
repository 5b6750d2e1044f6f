// What `pb replay` says about a difference.

import { expect, test } from "vitest";
import { treeOf } from "../../src/conversation/messages.js";
import { compareMessages } from "../../src/replay/comparison.js";
import { PeerIds } from "../../src/replay/ids.js";
import { call, dict, Talk, tuple } from "../conversation/talk.js";

test("names of fields are of a peer: control characters are escaped", () => {
  const talk = new Talk();
  const read = (value: number) => {
    const name = Buffer.from("\u001b[2Jgr\u00f6\u00dfe\u009b").toString("latin1");
    const message = talk.say("client", call(1, "root", "find", tuple(dict({ [name]: value }))));
    return { message, tree: treeOf(message) };
  };
  const mismatch = compareMessages(read(1), read(2), new PeerIds(), { ignored: new Set(), isStrict: false });
  expect(mismatch?.path).toBe("$.args[0].\\x1b[2Jgr\u00f6\u00dfe\\x9b");
});
