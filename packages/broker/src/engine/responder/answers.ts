// Answers calls of the peer, with results and with errors.

import { decode, none } from "@pb/banana";
import type { Expression } from "@pb/banana";
import { printable } from "@pb/jelly-types";
import type { Perspective } from "../../calls/callable.js";
import type { KeptAnswer } from "../../calls/kept-call.js";
import { AnswerNotKept } from "../../calls/extension-errors.js";
import { isExpected } from "../../errors.js";
import { Batch } from "../../flavors/stream-items.js";
import { discardStream, streamOf } from "../../flavors/stream-source.js";
import { originOf } from "../../references/reference-report.js";
import { OutgoingGraph } from "../../references/graph-context.js";
import { Failure, RemoteError, UNKNOWN_ERROR } from "../../wire/failure.js";
import { containsPromise, resolvePromises, settlePromises } from "../../wire/promised-results.js";
import type { ConnectionParts } from "../connection-parts.js";
import { failureWithCopy } from "../error-copies.js";
import type { ArrivedCall } from "./arrived-call.js";
import type { OpenCalls } from "./open-calls.js";

/** Results that the peer calls before it knows them. */
export interface ExpectedResults {
  /** A call was answered with `value`, which was written as `graph`. */
  answered(requestId: Expression, value: unknown, graph: OutgoingGraph): void;
  /** A call was answered with an error. */
  failed(requestId: Expression, error: unknown): void;
  /** The connection has ended. */
  end(reason: Error): void;
}

/** The dialect of kept answers. */
const NONE = { dialect: none };

export class Answers {
  readonly #core: ConnectionParts;
  readonly #open: OpenCalls;
  /** The method whose call was answered last with a result, and the last class of which that contains a copy. */
  lastMethod: string | undefined;
  lastType: string | undefined;
  /** Undefined while the peer expects no result. */
  expected: ExpectedResults | undefined;

  constructor(core: ConnectionParts, open: OpenCalls) {
    this.#core = core;
    this.#open = open;
  }

  /** Sends a result, if the caller wants it. If it cannot be sent, the caller gets an error. */
  answer(call: ArrivedCall, value: unknown, perspective: Perspective, isResolved = false): void {
    if (!this.#mayAnswer(call)) {
      this.#watchUnsent(call, value);
      call.record?.settle(this.#isOpen() ? "ok" : "lost");
      return;
    }
    const { outbox, config } = this.#core;
    const { requestId } = call;
    const graph = new OutgoingGraph(this.#core, perspective, { mayHavePromises: !isResolved });
    graph.kept = call.kept;
    if (config.traceReferences) graph.origin = originOf("in the answer to", call.method);
    try {
      const isWritten = outbox.write({ command: "answer", requestId, value }, graph);
      if (!isWritten) {
        this.#answerWhenResolved(call, value, graph, perspective);
        return;
      }
      if (call.target !== "pbx") {
        this.lastMethod = call.method;
        this.lastType = graph.sentType;
      }
      if (call.record !== undefined) this.#settleAnswered(call);
      if (this.expected !== undefined) this.expected.answered(requestId, value, graph);
    } catch (error) {
      const before = Batch.before(value, error);
      if (before !== undefined) {
        this.answer(call, before, perspective);
        return;
      }
      this.#watchUnsent(call, value);
      if (this.#isOpen()) config.onEvent({ kind: "answer-failed", error }, this.#core.connection);
      this.sendError(call, error, perspective); // Does nothing if a state hook closed the connection.
      call.record?.settle(this.#isOpen() ? "failed" : "lost", error);
    }
  }

  /** Sends a result that contains promises, when they are resolved. References in `graph` stay counted until then. */
  #answerWhenResolved(call: ArrivedCall, value: unknown, graph: OutgoingGraph, perspective: Perspective): void {
    const open = this.#open;
    open.running++;
    resolvePromises(value).then(
      (resolved) =>
        open.finish(() => {
          this.answer(call, resolved, perspective, true);
          graph.rollback();
        }),
      (error: unknown) =>
        open.finish(() => {
          this.fail(call, error, perspective);
          graph.rollback();
        }),
    );
  }

  /** Sends the answer that an earlier arrival of the call got. */
  answerAgain(call: ArrivedCall, { command, value }: KeptAnswer, perspective: Perspective): void {
    if (value === undefined) return this.fail(call, new AnswerNotKept(), perspective);
    if (this.#isOpen())
      this.#core.outbox.write({ command, requestId: call.requestId, value: decode(value, NONE), isRepeat: true });
    call.record?.settle(this.#isOpen() ? "ok" : "lost");
  }

  /**
   * Ends a result that is a stream, and waits for the promises in one, when it is not sent. A promise that rejects is a
   * method that failed; unobserved, it would end the process.
   */
  #watchUnsent({ method }: ArrivedCall, value: unknown): void {
    const { config, connection } = this.#core;
    const stream = streamOf(value, config.types);
    if (stream !== undefined) discardStream(stream).catch((error: unknown) => config.reportError(error, connection));
    if (!containsPromise(value)) return;
    const open = this.#open;
    open.running++;
    settlePromises(value).then(
      () => open.finish(() => undefined),
      (error: unknown) => open.finish(() => this.reportFailed(method, error)),
    );
  }

  /** Reports an error of a method, and sends it if the caller waits for an answer. */
  fail(call: ArrivedCall, error: unknown, perspective: Perspective): void {
    this.reportFailed(call.method, error);
    if (call.wantsAnswer) this.sendError(call, error, perspective);
    // The caller does not learn of it. An example is an update for which a copy has no method.
    else if (isExpected(error)) {
      const { config, connection } = this.#core;
      config.reportUnanswered(printable(call.method), error, connection);
    }
    call.record?.settle("failed", error);
  }

  reportFailed(method: string, error: unknown): void {
    const { config, connection } = this.#core;
    if (!isExpected(error)) config.onEvent({ kind: "method-failed", method: printable(method), error }, connection);
  }

  /**
   * Sends an error as its description, with a copy of the error if its class is registered, or as the copy alone if the
   * option `errorCopies` says so. What cannot be sent is left out, so that the caller always gets an answer.
   */
  sendError(call: ArrivedCall, error: unknown, perspective: Perspective, isToPing = false): void {
    if (!this.#mayAnswer(call)) return;
    this.#writeError(call, error, perspective, isToPing);
    const { requestId, record } = call;
    if (record !== undefined) record.answerBytes = this.#core.outbox.lastBytes;
    if (this.expected !== undefined) this.expected.failed(requestId, error);
  }

  #writeError({ requestId, kept }: ArrivedCall, error: unknown, perspective: Perspective, isToPing: boolean): void {
    const { outbox, config, owner } = this.#core;
    const write = (value: unknown): boolean => {
      const graph = new OutgoingGraph(this.#core, perspective);
      graph.kept = kept;
      return outbox.write({ command: "error", requestId, value, isToPing }, graph);
    };
    // A revoked proxy cannot even be asked for its class.
    if (attempt(() => error instanceof Error && config.types.writing(error) !== undefined)) {
      if ((config.errorCopies || error instanceof RemoteError) && attempt(() => write(error))) return;
      if (attempt(() => write(failureWithCopy(this.#core, error as Error, perspective)))) return;
    }
    if (attempt(() => write(new Failure(config.describeError(error))))) return;
    try {
      write(new Failure(UNKNOWN_ERROR));
    } catch (cause) {
      kept?.keepNothing();
      // The request id alone fills a message. Without an answer, the caller would wait forever.
      owner.end("limit", cause as Error);
    }
  }

  #isOpen(): boolean {
    return this.#core.connection.isOpen;
  }

  /** Whether an answer is written: it is sent, or at least kept. */
  #mayAnswer({ wantsAnswer, kept }: ArrivedCall): boolean {
    return wantsAnswer && (kept !== undefined || this.#isOpen());
  }

  #settleAnswered({ record }: ArrivedCall): void {
    record!.answerBytes = this.#core.outbox.lastBytes;
    record!.settle(this.#isOpen() ? "ok" : "lost");
  }
}

/** Runs `action` and returns its result, or false when it throws. */
function attempt(action: () => boolean): boolean {
  try {
    return action();
  } catch {
    return false;
  }
}
