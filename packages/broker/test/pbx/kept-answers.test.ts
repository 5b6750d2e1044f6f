// What a store of answers lets go of.

import { encode, none } from "@pb/banana";
import { beforeAll, describe, expect, test } from "vitest";
import { garbageCollector } from "../../../../tools/gc/garbage-collector.js";
import type { KeptCall, RunningContext } from "../../src/calls/kept-call.js";
import { defaultBrokerLimits } from "../../src/limits.js";
import { KeptAnswers } from "../../src/pbx/kept-answers.js";

beforeAll(() => void garbageCollector());

const KEY = "0123456789abcdef";
const ANSWER = encode(
  ["answer", 1, "text"].map((part) => (typeof part === "string" ? new TextEncoder().encode(part) : part)),
  {
    dialect: none,
  },
);

const store = (): KeptAnswers => new KeptAnswers(defaultBrokerLimits);

function arrive(answers: KeptAnswers, user = "ann", key = KEY): KeptCall {
  return answers.noteOf(() => user, key, performance.now() / 1000).arrive("pay");
}

const context = (): RunningContext => ({ isKept: true, abort: () => undefined });

describe.each([
  ["whose answer is kept", (call: KeptCall) => call.keep("answer", ANSWER, none)],
  ["whose answer is too large to be kept", (call: KeptCall) => call.keep("answer", new Uint8Array(2 ** 20), none)],
  ["whose answer belongs to its connection", (call: KeptCall) => call.keepNothing()],
])("a call %s", (_what, settle) => {
  test("lets go of the context of its method", () => {
    const call = arrive(store());
    call.context = context();
    settle(call);
    expect(call.context).toBeUndefined();
  });

  test("that has arrived again lets go of the second context, too", () => {
    const answers = store();
    const call = arrive(answers);
    settle(call);
    const again = arrive(answers);
    expect(again.isNew).toBe(false);
    again.context = context();
    settle(again);
    expect(again.context).toBeUndefined();
  });

  test("leaves nothing of its user when it is released", async () => {
    const answers = store();
    const user = (() => {
      const call = arrive(answers);
      settle(call);
      expect(answers.release("ann", KEY)).toBe(true);
      return new WeakRef((call as unknown as { readonly usage: object }).usage);
    })();
    const isCollected = (): boolean => {
      garbageCollector()();
      return user.deref() === undefined;
    };
    await expect.poll(isCollected).toBe(true);
    expect(answers.release("ann", KEY)).toBe(false);
  });
});

test("what a user takes is counted over all of the calls, and starts again when none is left", () => {
  const answers = new KeptAnswers({ ...defaultBrokerLimits, keptAnswers: 2 });
  for (let round = 0; round < 3; round++) {
    const calls = [0, 1].map((number) => arrive(answers, "ann", `${KEY}${number}`));
    expect(() => arrive(answers, "ann", `${KEY}2`)).toThrow(/the limit is 2/);
    for (const call of calls) call.keepNothing();
    for (const number of [0, 1]) expect(answers.release("ann", `${KEY}${number}`)).toBe(true);
  }
});

test("the memory of answers that were released is free for those of all users", () => {
  const answers = new KeptAnswers({ ...defaultBrokerLimits, keptAnswerBytes: 10_000 });
  for (let round = 0; round < 20; round++) {
    const user = `user ${round}`;
    const call = arrive(answers, user);
    call.keep("answer", ANSWER, none);
    expect(answers.release(user, KEY)).toBe(true);
  }
});
