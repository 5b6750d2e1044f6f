/** Calls with notes, expectations and cancellations, in both directions. Each scene pauses where others may go on. */

import { DeadReferenceError, RemoteError, RemoteReference } from "@pb/broker";
import type { RemoteStream } from "@pb/broker";
import fc from "fast-check";
import { failureOf, traceOf } from "./stage.js";
import type { ReceivedCall, Stage } from "./stage.js";

/** What differs between two scenes of a kind. */
export const choice = fc.record({
  scene: fc.constantFrom(
    "stream",
    "feed",
    "chain",
    "chain",
    "chain",
    "notes",
    "cancel",
    "unknown",
    "pipe",
    "pipe",
    "abort",
    "traced",
    "once",
  ),
  first: fc.constantFrom("give", "give", "wait", "wait", "fail", "copy", "missing", "mute"),
  result: fc.constantFrom("reference", "number", "error", "refused", "failing"),
  count: fc.nat({ max: 3 }),
  at: fc.nat({ max: 3 }),
  delay: fc.nat({ max: 3 }),
  isNoted: fc.boolean(),
  isSplit: fc.boolean(),
  isEarly: fc.boolean(),
});
type Choice = typeof choice extends fc.Arbitrary<infer Value> ? Value : never;
export type Scene = Generator<void, void>;

const CANCELED = "pbx.Canceled";
const NOT_EXPECTED = "pbx.NotExpected";

/** The answers to the calls whose result is called. */
const firstDues: Readonly<Record<Choice["first"], string>> = {
  give: "(answer",
  wait: "(answer",
  fail: "(error",
  copy: "(answer",
  missing: "(error",
  mute: "",
};

/** The answers to calls of the result. */
const dues: Readonly<Record<Choice["first"], string>> = {
  give: "(answer",
  wait: "(answer",
  fail: "pbx.DependencyFailed",
  copy: "pbx.NotAReference",
  missing: "pbx.DependencyFailed",
  mute: NOT_EXPECTED,
};

/** The peer calls the result of a call that has not been answered, and forgets it. */
function* chain(stage: Stage, { first, count, at, isNoted, isSplit, isEarly, delay }: Choice): Scene {
  const id = stage.nextId();
  const cancelsFirst = first === "wait" && delay === 3;
  if (isNoted && isEarly) stage.note(id);
  stage.tell("expect", id);
  if (isNoted && !isEarly) stage.note(id);
  const due = cancelsFirst ? CANCELED : firstDues[first];
  stage.call("root", first === "mute" ? "give" : first, id, due, id);
  if (isSplit) yield;

  const canceled: [index: number, id: number][] = [];
  for (let index = 0; index < count; index++) {
    const isCanceled = first === "wait" && index === at;
    const call = stage.nextId();
    if (isNoted) stage.note(call);
    const success = isNoted ? traceOf(call) : "(None)";
    const result = cancelsFirst ? "pbx.DependencyFailed" : dues[first] === "(answer" ? success : dues[first];
    stage.call(`pbx:${id}`, "mark", `${id} ${index}`, isCanceled ? CANCELED : result, call);
    if (isCanceled) canceled.push([index, call]);
    if (isSplit) yield;
  }
  for (const [, call] of canceled) stage.tell("cancel", call);
  if (isEarly) yield* forget(stage, id);
  yield;
  if (first === "wait") {
    if (cancelsFirst) stage.tell("cancel", id);
    else stage.call("root", "open", id, "(answer");
    yield;
  }
  if (!isEarly) yield* forget(stage, id);
  stage.later(2, () => stage.tell("forget", id, true));
  yield;
  for (const [index] of canceled)
    if (stage.desk.hasRun(id, index)) stage.problems.push(`The canceled call ${id}.${index} has run`);
}

/** After this, calls to the result are refused, and references in their arguments are released. */
function* forget(stage: Stage, id: number): Scene {
  stage.tell("forget", id);
  stage.call(`pbx:${id}`, "mark", `${id} 99 (remote ${id})`, NOT_EXPECTED);
  yield;
}

/** Each note belongs to the call with its id, and to no other. */
function* notes(stage: Stage, { isSplit, isEarly }: Choice): Scene {
  const [first, second, third] = [stage.nextId(), stage.nextId(), stage.nextId()];
  stage.note(second);
  if (isSplit) yield;
  stage.note(third);
  stage.call("root", "trace", "", "(None)", first);
  stage.call("root", "trace", "", traceOf(second), second);
  yield;
  if (isEarly) stage.tell("expect", third);
  stage.tell("forget", third);
  stage.call("root", "trace", "", "(None)", third);
}

/** The peer cancels a call, or sets a deadline that is over. */
function* cancel(stage: Stage, { isSplit, isEarly, isNoted }: Choice): Scene {
  const id = stage.nextId();
  if (isEarly) stage.note(id, "((unicode deadline) 0)");
  stage.call("root", "wait", id, CANCELED, id);
  if (isSplit) yield;
  if (!isEarly) stage.tell("cancel", id);
  if (isEarly) return;
  stage.later(2, () => stage.tell("cancel", isNoted ? id : stage.call("root", "give", "", "(answer"), true));
}

/** The peer sends calls again that must run once. The desk fails a second run. */
function* once(stage: Stage, { first, count, at, isSplit, isEarly }: Choice): Scene {
  const key = stage.nextId();
  const text = `(unicode ${String(key).padStart(16, "k")})`;
  const since = isEarly ? "1000000000" : "1000000000.5";
  const call = (method: string, due: string, given = text): number => {
    const id = stage.nextId();
    stage.note(id, `((unicode key) ${given}) ((unicode since) ${since})`);
    return stage.call("root", method, `${key} 0`, due, id);
  };
  const isWaiting = first === "wait";
  for (let send = 0; send <= count; send++) {
    call(isWaiting ? "wait" : "once", isWaiting && send > 0 ? "pbx.AnswerNotKept" : "(answer");
    if (isSplit) yield;
    if (send === at) stage.tell("forget", text, isWaiting); // Not before the method has finished.
    if (send === at && !isWaiting) break;
  }
  call("trace", isWaiting || at > count ? "pbx.OnceRefused" : "(answer");
  call("once", "pbx.OnceRefused", "(unicode short)");
  yield;
  if (isWaiting) stage.call("root", "open", key, "(answer");
  stage.tell("forget", "(unicode unknown0123456789)", true);
}

/** What makes no sense has no effect, and is counted. */
function* unknown(stage: Stage, { count }: Choice): Scene {
  const id = stage.nextId();
  stage.tell("cancel", id, true);
  stage.tell("forget", id, true);
  stage.tell("expect", "(unicode x)", true);
  stage.tell("note", `${id} 5`, true);
  stage.tell("expect", id);
  stage.tell("expect", id, true);
  yield;
  stage.call(`pbx:${id}`, "mark", `${id} 0`, NOT_EXPECTED);
  stage.tell("forget", id);
  stage.call("pbx", "hello", "", "(unicode goaway) (unicode note) (unicode cancel) (unicode expect)");
  stage.tell("goaway2", count);
}

/** Undefined without an error. */
const textOf = (error?: Error): string | undefined => (error === undefined ? undefined : `failed: ${String(error)}`);

const isType = (error: unknown, type: string): string | undefined =>
  error instanceof RemoteError && error.remoteType === type ? undefined : `${type} was expected: ${String(error)}`;

/** The program calls the result of a call of its own. */
function* pipe(stage: Stage, { result, count, delay, isSplit, isNoted }: Choice): Scene {
  const key = stage.nextId();
  const canExpect = stage.features.includes("expect");
  const isReference = result !== "number" && result !== "error";
  const answered = (): boolean => stage.told(firstId).isAnswered === true;
  let firstId = 0;
  stage.answer("first", key, (call) => {
    firstId = call.id;
    stage.later(delay, () => {
      if (result === "error") stage.fail(call.id, "fuzz.Failed");
      else stage.run(call, isReference ? `(answer $id (remote ${50_000 + key}))` : "(answer $id 7)");
    });
  });
  const run = (call: ReceivedCall): void =>
    stage.run(call, result === "failing" ? failureOf("fuzz.Failed") : "(answer $id 5)");
  stage.answer("mark", key, (call) => {
    const isAhead = call.target.startsWith("pbx:");
    if (!isAhead) run(call);
    else if (!canExpect) stage.fail(call.id, "twisted.spread.pb.Error");
    else if (result === "refused") stage.fail(call.id, NOT_EXPECTED);
    else {
      const reply = (): void => {
        if (!answered()) stage.later(1, reply);
        else if (isReference) run(call);
        else stage.fail(call.id, result === "error" ? "pbx.DependencyFailed" : "pbx.NotAReference");
      };
      stage.later(delay + 1, reply);
    }
  });
  const first = stage.friend.pipe("first", key, 1000);
  let failure: unknown;
  stage.watch(`first ${key}`, first, (value, error) => {
    failure = error;
    if (result === "error") return isType(error, "fuzz.Failed");
    return textOf(error as Error | undefined);
  });
  for (let index = 0; index < count; index++) {
    const call = isNoted ? first.with({ traceparent: traceOf(key) }) : first;
    stage.watch(`mark ${key}.${index}`, call.callRemote("mark", key, index), (value, error) => {
      if (result === "error")
        return isType(error, "pbx.DependencyFailed") ?? ((error as Error).cause === failure ? undefined : "its cause");
      if (result === "number") return isType(error, "pbx.NotAReference");
      if (result === "failing") return isType(error, "fuzz.Failed");
      return value === 5 ? undefined : `5 was expected: ${String(error)}`;
    });
    if (isSplit) yield;
  }
  first[Symbol.dispose](); // Releases the result when it arrives.
  yield;
}

/** The program cancels a call. Its late answer contains a reference, which must be released. */
function* abort(stage: Stage, { delay, at, isSplit, isEarly }: Choice): Scene {
  const key = stage.nextId();
  const controller = new AbortController();
  const state = { isAnswered: false, isSettled: false };
  stage.answer("slow", key, (call) =>
    stage.later(delay + 1, () => {
      state.isAnswered = true;
      stage.run(call, `(answer $id (remote ${50_000 + key}))`);
    }),
  );
  if (isEarly && isSplit) controller.abort(new Error("early"));
  const options = isEarly ? { signal: controller.signal, timeoutMs: 1e7 } : { signal: controller.signal };
  const promise = stage.friend.with(options).callRemote("slow", key, 0);
  stage.watch(`slow ${key}`, promise, (value, error) => {
    state.isSettled = true;
    if (value instanceof RemoteReference) value[Symbol.dispose]();
    return value !== undefined || error === controller.signal.reason ? undefined : String(error);
  });
  for (let beat = 0; beat < at; beat++) yield;
  const isCanceled = !controller.signal.aborted && !state.isSettled && !state.isAnswered;
  const mayCancel = stage.may("cancel");
  controller.abort(new Error("canceled"));
  if (isCanceled && mayCancel) stage.canceled--;
  yield;
}

/** The program sends the position in a trace, and a deadline. */
function* traced(stage: Stage, { isSplit, isEarly }: Choice): Scene {
  const key = stage.nextId();
  const isTold = stage.may("note");
  stage.answer("noted", key, (call) => {
    const expected = isTold ? traceOf(key) : undefined;
    if (call.trace !== expected)
      stage.problems.push(`The trace ${expected ?? "nothing"} was not sent: ${call.trace ?? "nothing"}`);
    stage.run(call);
  });
  const options = { traceparent: traceOf(key), timeoutMs: isEarly ? 1e7 : undefined };
  const promise = stage.friend.with(options).callRemote("noted", key, 0);
  stage.watch(`noted ${key}`, promise, (value, error) => (value === 5 ? undefined : String(error)));
  if (isSplit) yield;
}

/** The peer reads a stream by hand, with counts that make sense and others, and leaves it. */
function* stream(stage: Stage, { count, at, delay, isEarly, isSplit }: Choice): Scene {
  const waits = delay === 3;
  const id = stage.call("root", "stream", `${count} ${waits ? 1 : 0}`, "(remote ");
  stage.onAnswer(id, (text) => {
    const source = /\(remote (\d+)\)/.exec(text)?.[1] ?? "0";
    if (isEarly) stage.call(source, "next", ["0", "-1", "(unicode x)", "2.5"][at]!, "(error");
    stage.call(source, "next", at + 1, "(list");
    if (isSplit) stage.call(source, "next", "9007199254740993", "(list");
    const last = stage.call(source, "next", 2000, "(list");
    if (isEarly) stage.call(source, "next", 1, "");
    stage.later(delay + 1, () => {
      // What waits for an item that never comes.
      for (let call = waits ? last - 3 : last + 1; call <= last; call++)
        if (stage.isOpen(call)) stage.tell("cancel", call);
      stage.send(`(decref ${source})`);
    });
  });
  yield;
}

/** The program reads a stream of the peer, which answers badly, with an error, or until its end. */
function* feed(stage: Stage, { result, count, delay }: Choice): Scene {
  const key = stage.nextId();
  const source = 60_000 + key;
  let left = count;
  stage.answer("feed", key, (call) => stage.run(call, `(answer $id (remote ${source}))`));
  stage.answer("next", source, (call) =>
    stage.later(delay, () => {
      if (left-- > 0) stage.settle(call.id, `(answer $id (list ${left} (remote ${source})))`);
      else if (result === "error") stage.fail(call.id, "fuzz.Failed");
      else if (result === "number") stage.settle(call.id, "(answer $id 7)");
      else if (result === "refused") stage.settle(call.id, `(answer $id (list ${"1 ".repeat(2000)}))`);
      else stage.settle(call.id, "(answer $id (list))");
    }),
  );
  const read = async (): Promise<number> => {
    let items = 0;
    const stream = (await stage.friend.callRemote("feed", key, 0)) as RemoteStream;
    for await (const _item of stream) items++;
    return items;
  };
  stage.watch(`feed ${key}`, read(), (items, error) => {
    if (result === "error") return isType(error, "fuzz.Failed");
    if (result === "number" || result === "refused")
      return /at most \d+ items/.test(String(error)) ? undefined : String(error);
    return items === 2 * count ? undefined : `${String(items)} items: ${String(error)}`;
  });
  yield;
}

const scenes = { stream, feed, chain, notes, cancel, unknown, pipe, abort, traced, once };

export const sceneOf = (stage: Stage, given: Choice): Scene => scenes[given.scene](stage, given);

/** As many notes and expectations as are kept, and one more: the oldest note and the newest expectation are ignored. */
export function* capacity(stage: Stage): Scene {
  const ids = Array.from({ length: 65 }, () => stage.nextId());
  for (const id of ids) stage.note(id);
  for (const [index, id] of ids.entries()) stage.call("root", "trace", "", index === 0 ? "(None)" : traceOf(id), id);
  const expected = Array.from({ length: 65 }, () => stage.nextId());
  for (const id of expected) stage.tell("expect", id);
  for (const [index, id] of expected.entries()) {
    stage.call("root", "give", "", "(answer", id);
    stage.call(`pbx:${id}`, "mark", `${id} 0`, index === 64 ? NOT_EXPECTED : "(answer");
    stage.tell("forget", id, index === 64);
  }
  stage.ignored += 2;
  yield;
}

/** The program calls after a goodbye, while no call of the peer is running. */
export function callAfterGoodbye(stage: Stage): void {
  stage.watch("after the goodbye", stage.friend.callRemote("late", 1, 1), (_value, error) =>
    error instanceof DeadReferenceError ? undefined : `was not refused: ${String(error)}`,
  );
}
