import type { Peer } from "@pb/broker";
import type { Link, LinkReceiver } from "@pb/broker/extension";
import { linkCompliance } from "@pb/broker/testing";

/** Bytes passed to the stream at a time. Large messages are split, so that a slow peer can be noticed. */
const CHUNK_BYTES = 64 * 1024;

interface ByteStreams {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
}

/** A link over two web streams, such as those of WebTransport or of a serial port. */
class StreamLink implements Link {
  readonly role: "listener" | "initiator";
  readonly peer: Peer = { description: "stream", isEncrypted: false };
  queuedBytes = 0;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #receiver: LinkReceiver | undefined;
  #isClosing = false;
  #isPaused = false;
  #onResumed: (() => void) | undefined;

  constructor(role: "listener" | "initiator", { readable, writable }: ByteStreams) {
    this.role = role;
    this.#reader = readable.getReader();
    this.#writer = writable.getWriter();
    this.#writer.closed.catch(() => undefined); // the read loop reports the end
  }

  start(receiver: LinkReceiver) {
    this.#receiver = receiver;
    void this.#read(receiver);
  }

  send(bytes: Uint8Array) {
    if (this.#isClosing) return;
    this.queuedBytes += bytes.length;
    for (let start = 0; start < bytes.length; start += CHUNK_BYTES) {
      void this.#write(bytes.subarray(start, start + CHUNK_BYTES));
    }
  }

  close() {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.resume(); // bytes that still arrive are discarded
    this.#writer.close().catch(() => undefined);
  }

  destroy() {
    this.#isClosing = true;
    this.queuedBytes = 0;
    this.resume();
    this.#writer.abort().catch(() => undefined);
    this.#reader.cancel().catch(() => undefined);
  }

  pause() {
    this.#isPaused = !this.#isClosing;
  }

  resume() {
    this.#isPaused = false;
    this.#onResumed?.();
  }

  async #write(chunk: Uint8Array) {
    try {
      await this.#writer.write(chunk); // resolves when the stream has taken the bytes
      this.queuedBytes -= chunk.length;
      if (this.queuedBytes === 0) this.#receiver?.drained();
    } catch {
      this.queuedBytes = 0; // the stream has failed, and the read loop reports it
    }
  }

  async #read(receiver: LinkReceiver) {
    let cause: Error | undefined;
    try {
      for (let result = await this.#reader.read(); !result.done; result = await this.#reader.read()) {
        while (this.#isPaused) await new Promise<void>((resolve) => (this.#onResumed = resolve));
        if (!this.#isClosing) receiver.received(result.value);
      }
    } catch (error) {
      cause = error instanceof Error ? error : undefined;
    }
    this.close();
    receiver.lost(cause);
  }
}

/** Two links in one process, each of which reads what the other sends. */
function linkPair() {
  const upstream = new TransformStream<Uint8Array, Uint8Array>();
  const downstream = new TransformStream<Uint8Array, Uint8Array>();
  return {
    listener: new StreamLink("listener", { readable: upstream.readable, writable: downstream.writable }),
    initiator: new StreamLink("initiator", { readable: downstream.readable, writable: upstream.writable }),
  };
}

for (const { run } of linkCompliance) await run(linkPair); // in a test file: one test per check
console.log("All checks passed");
