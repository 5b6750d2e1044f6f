/** Bugs to plant in the messages about calls (docs/extension.md). The fuzzer of the broker must find each. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { markdownTable } from "markdown-table";
import { bundle } from "../bench/bundle.js";
import { planted } from "../hostile/plants.js";
import type { Change } from "../hostile/plants.js";

interface Bug extends Change {
  readonly bug: string;
}

const bugsIn = (file: string, bugs: readonly (readonly [bug: string, guard: string, instead: string])[]): Bug[] =>
  bugs.map(([bug, guard, instead]) => ({ bug, file: `broker/src/${file}`, guard, instead }));

export const bugs: readonly Bug[] = [
  ...bugsIn("pbx/peer-calls.ts", [
    ["a note is not removed", "if (note !== undefined) this.#notes.delete(requestId);", ""],
    ["a call consumes the note of another", "= this.#notes.get(requestId);", "= [...this.#notes.values()][0];"],
    ["notes without bound", "if (this.#notes.size < MOST_AHEAD) break;", "break;"],
    ["one note too few", "this.#notes.size < MOST_AHEAD", "this.#notes.size < MOST_AHEAD - 1"],
    ["forgetting an expectation keeps the note", "id !== undefined && this.#notes.delete(id);", "false;"],
    ["expectations without bound", "|| this.#resultsAhead >= MOST_AHEAD", ""],
    ["a call that arrives is not counted", "this.#resultsAhead--;\n      result.arrive", "result.arrive"],
    [
      "what is forgotten before its call is not counted",
      "if (!result.hasArrived) this.#resultsAhead--;",
      "if (result.hasArrived) this.#resultsAhead--;",
    ],
    [
      "a result is called before its call has arrived",
      "this.#results.set(id, result);",
      "this.#results.set(id, result);\n    this.#published.set(`${PBX}:${id}`, result);",
    ],
    ["a forgotten result can be called", "this.#published.delete(`${PBX}:${id}`);\n    if (result", "if (result"],
    ["a forgotten result is kept forever", "result.isForgotten = true;", ""],
    [
      "calls to the result of a call without an answer wait forever",
      "if (!wantsAnswer) result.fail",
      "if (false) result.fail",
    ],
    [
      "calls to a number wait forever",
      "if (target === undefined) result.fail(new NotAReference());",
      "if (target === undefined) return;",
    ],
    [
      "an unknown id is not counted",
      "!this.#core.responder.cancel(id, canceledByCaller())) this.#ignore()",
      "!this.#core.responder.cancel(id, canceledByCaller())) return",
    ],
  ]),
  ...bugsIn("pbx/expected-result.ts", [
    ["calls run in the reverse order", "this.#waiting.push({ settle })", "this.#waiting.unshift({ settle })"],
    ["a canceled call runs", "if (context.reason !== undefined) return;", ""],
    ["a canceled call is not answered", "context.onAbort = reject;", "void reject;"],
    [
      "a call that has waited has no context of its own",
      "this.#runner.resume(context, target, call)",
      "target.receiveCall(call)",
    ],
  ]),
  ...bugsIn("engine/responder/answers.ts", [
    ["calls to the result of a failed call wait forever", "this.expected.failed(requestId, error)", "void 0"],
  ]),
  ...bugsIn("engine/responder/responder.ts", [
    [
      "a canceled call is answered twice",
      "return this.#methods.cancel(requestId, reason) ??",
      `const runs = this.#methods.cancel(requestId, reason);
      if (runs === true) this.#answers.sendError({ requestId, wantsAnswer: true } as never, reason, null);
      return runs ??`,
    ],
  ]),
  ...bugsIn("engine/responder/running-methods.ts", [
    ["a cancellation does not reach the method", "context.abort(reason);\n    return true;", "return true;"],
    ["a call that has finished can be canceled", "this.#contexts?.delete(key);", ""],
    [
      "the end of the connection aborts nothing",
      "for (const context of contexts) if (!context.isKept) context.abort(reason);",
      "",
    ],
  ]),
  ...bugsIn("calls/call-context.ts", [["a deadline does not abort the signal", "else this.startDeadline();", ""]]),
  ...bugsIn("engine/caller.ts", [
    [
      "references in late answers are not released",
      "call, command, this.#core.unjellier.readGraph(reader, incoming));\n      if (call.isExpired) incoming.rollback();",
      "call, command, this.#core.unjellier.readGraph(reader, incoming));",
    ],
    ["results are not forgotten", "if (call?.expectation !== undefined) this.#forget(call.expectation);", ""],
    ["a result is called ahead after it was forgotten", "expectation.id = undefined;\n    if", "if"],
    ["cancellations are not sent", "this.extension?.cancel(call.id);", ""],
    ["another call is canceled", "this.extension?.cancel(call.id);", "this.extension?.cancel(call.id + 1);"],
    ["a note for another call", "this.extension?.announce(id, details);", "this.extension?.announce(id + 1, details);"],
    [
      "a call is expected after it was made",
      "if (graph.keepsAny",
      "if (details.expectation?.id) this.extension?.expect(id);\n        if (graph.keepsAny",
    ],
  ]),
  ...bugsIn("pbx/peer-features.ts", [
    ["hello is asked for each use", "this.#answer ??= this.#ask();", "this.#answer = this.#ask();"],
    ["uses what the peer does not have", "return this.#features.has(feature);", "return true;"],
    [
      "an error instead of features means all",
      "this.#features = new Set();",
      'this.#features = new Set<Feature>(["goaway", "note", "cancel", "expect"]);',
    ],
    ["what was expected before hello was answered is not forgotten", "void this.#forgetLater(requestId);", "void 0;"],
  ]),
  ...bugsIn("flavors/pipelined.ts", [
    ["a failed call is made again", "if (error.remoteType === NotExpected.remoteType) return true;", "return true;"],
    ["a refused call is not made again", "if (error.remoteType === NotExpected.remoteType) return true;", ""],
    [
      "the result is released before the calls to it",
      "!this.#isReleased || this.#callsInFlight > 0",
      "!this.#isReleased",
    ],
    ["the error of the first call is lost", "error.cause ??= await this.#failure();", "await this.#failure();"],
  ]),
  ...bugsIn("pbx/goodbyes.ts", [
    [
      "calls are made after a goodbye",
      "this.#retryAfterMs = retryAfterMs;\n    stopCalling(core);",
      "this.#retryAfterMs = retryAfterMs;",
    ],
    ["closes before calls are answered", "void this.#owner.idle().then(", "void Promise.resolve().then("],
    ["a second goodbye counts", "core === undefined || this.#retryAfterMs !== undefined ||", "core === undefined ||"],
    [
      "a peer that has no place is not left",
      'if (busy !== undefined) queueMicrotask(() => this.#owner.terminate("busy", busy));',
      "",
    ],
    ["says goodbye to a peer that does not know it", '.has("goaway")) return false;', '.has("goaway")) void 0;'],
  ]),
  ...bugsIn("pbx/pbx.ts", [
    ["no limit for the time to reconnect", "Math.min(seconds, LONGEST_RETRY_S) * 1000", "seconds * 1000"],
  ]),
];

const RUNS = 2000;
const SEED = 1;

/** Plants each bug in a bundle of the fuzzer, and writes which of them it finds. */
export async function plantAll(): Promise<void> {
  const rows: string[][] = [];
  for (const bug of bugs) {
    const found = await fuzzWith(bug);
    console.log(found === undefined ? "MISSED" : "found ", bug.bug, "|", found?.join(" | "));
    if (found === undefined) process.exitCode = 1;
    rows.push([bug.bug, bug.file.replace("broker/src/", ""), ...(found ?? ["MISSED", ""])]);
  }
  const table = markdownTable([["Bug", "File of @pb/broker", "Connections", "What the fuzzer reports"], ...rows]);
  const date = new Date().toISOString().slice(0, 10);
  const text = `# Planted bugs

Written by \`npm run fuzz -- broker --plant\` (Node ${process.versions.node}, ${date}), which plants one bug after the other and fails
if \`npm run fuzz -- broker --runs=${RUNS} --seed=${SEED}\` does not find it. Without a bug, that command finds nothing.

${table}
`;
  writeFileSync(new URL("PLANTS.md", import.meta.url), text);
}

/** The number of connections until the bug is found, and the first line of the report. */
async function fuzzWith(bug: Bug): Promise<[connections: string, report: string] | undefined> {
  const source = `
    import { fuzzBroker } from "../fuzz/broker.ts";
    await fuzzBroker({ runs: ${RUNS}, seed: ${SEED}, shrinks: false }).catch((error) => {
      const report = String(error.cause).replace(/^(Error: )+/, "").split("\\n")[0].slice(0, 100);
      console.log("FOUND", /after (\\d+) test/.exec(error.message)[1], report);
      process.exit(0);
    });`;
  const folder = mkdtempSync(join(tmpdir(), "pb-fuzz-"));
  const file = join(folder, "fuzz.mjs");
  try {
    writeFileSync(file, await bundle(source, { platform: "node", plugins: [planted(bug)] }));
    const { stdout } = spawnSync(process.execPath, [file], { encoding: "utf8", timeout: 300_000 });
    const [, connections, report] = /^FOUND (\d+) (.*)$/m.exec(stdout) ?? [];
    return connections === undefined ? undefined : [connections, `\`${report!}\``];
  } finally {
    rmSync(folder, { recursive: true });
  }
}
