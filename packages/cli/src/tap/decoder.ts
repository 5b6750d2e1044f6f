// The thread of `pb tap` that decodes, prints and records. The bytes are passed on in another one, which waits for this
// one only if it is far behind.

import { on } from "node:events";
import { setPriority } from "node:os";
import type { MessagePort } from "node:worker_threads";
import { setImmediate as nextTurn } from "node:timers/promises";
import { KnownSecrets } from "../conversation/known-secrets.js";
import type { Side } from "../conversation/messages.js";
import { Observation } from "../observe/observer.js";
import type { CloseEntry } from "../recording/format.js";
import { readBatch } from "./batch.js";
import type { ConnectionEvents } from "./batch.js";
import { openOutputs } from "./outputs.js";
import type { Outputs } from "./outputs.js";
import { plainError } from "./thread-messages.js";
import type { DecoderSettings, FromDecoder, ToDecoder } from "./thread-messages.js";

/**
 * The nice value of this thread: a third of the usual share of a processor. The programs under observation go first
 * while all processors are busy, and their bytes wait to be decoded.
 */
const NICE = 5;

/** Answers the messages of a port until `finish`. */
export async function runDecoder(port: MessagePort): Promise<void> {
  const send = (message: FromDecoder): void => port.postMessage(message);
  lowerPriority();
  try {
    let decoder: Decoder | undefined;
    for await (const [message] of on(port, "message") as AsyncIterable<[ToDecoder]>) {
      if (message.kind === "open") {
        decoder = await Decoder.open(message.settings, send);
        send({ kind: "opened", url: decoder.outputs.inspectorUrl });
      } else if (message.kind === "columns") decoder!.outputs.resize(message.columns);
      else if (message.kind === "batch") {
        readBatch(message.batch, decoder!);
        const { recorder } = decoder!.outputs;
        if (recorder?.isFull === true) await recorder.drained();
        // Lets timers and files have their turn while many batches wait.
        await nextTurn();
        send({ kind: "decoded", size: message.batch.size });
      } else {
        await decoder!.outputs.finish(message.timeMs);
        send({ kind: "finished" });
      }
    }
  } catch (error) {
    send({ kind: "failed", error: plainError(error) });
  }
}

/** On Linux a thread has a priority of its own. Elsewhere, that of the thread that passes the bytes on would change. */
function lowerPriority(): void {
  if (process.platform !== "linux") return;
  try {
    setPriority(NICE);
  } catch {
    // A sandbox may forbid it: everything works with the usual priority too.
  }
}

/** Decodes the connections. */
class Decoder implements ConnectionEvents {
  readonly outputs: Outputs;
  readonly #redact: readonly string[];
  readonly #knownSecrets = new KnownSecrets();
  readonly #observations = new Map<number, Observation>();

  private constructor(outputs: Outputs, redact: readonly string[]) {
    this.outputs = outputs;
    this.#redact = redact;
  }

  static async open(settings: DecoderSettings, send: (message: FromDecoder) => void): Promise<Decoder> {
    return new Decoder(await openOutputs(settings, send), settings.redact);
  }

  opened(connection: number, address: string, timeMs: number): void {
    const options = { redact: this.#redact, knownSecrets: this.#knownSecrets };
    const observation = new Observation(connection, this.outputs.observers, options);
    this.#observations.set(connection, observation);
    observation.opened(address, timeMs);
  }

  data(connection: number, from: Side, bytes: Uint8Array, timeMs: number): void {
    this.#observations.get(connection)!.feed(from, bytes, timeMs);
  }

  finished(connection: number, from: Side, timeMs: number): void {
    this.#observations.get(connection)!.finished(from, timeMs);
  }

  closed(connection: number, by: CloseEntry["by"], code: string | undefined, timeMs: number): void {
    this.#observations.get(connection)!.closed(timeMs, by, code);
    this.#observations.delete(connection);
  }
}
