import { callContext, Root } from "@pb/broker";
import type { RemoteStream } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";

class Files extends Root {
  readonly #stored = new Map<string, number>();

  /** File transfer: 10 MB in parts of 64 KiB. */
  async *remote_download(bytes: number): AsyncGenerator<Uint8Array> {
    for (let sent = 0; sent < bytes; sent += 65_536) yield new Uint8Array(Math.min(65_536, bytes - sent));
  }

  /** What arrives is a `RemoteStream`. */
  async remote_upload(name: string, parts: RemoteStream<Uint8Array>): Promise<number> {
    let bytes = 0;
    for await (const part of parts) bytes += part.length;
    this.#stored.set(name, bytes);
    return bytes;
  }

  /** Log tailing: lines that do not end. */
  async *remote_tail(): AsyncGenerator<string> {
    const { signal } = callContext(); // aborts when the reader has left
    try {
      for (let line = 1; !signal.aborted; line++) {
        yield `line ${line}`;
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    } finally {
      console.log("the reader has left the log");
    }
  }
}

const { client } = await connectedPair({ root: new Files() });
const files = await client.getRootObject<Files>();

let received = 0;
for await (const part of await files.call.download(10_000_000)) {
  const before = Math.floor(received / 5_000_000);
  received += part.length;
  if (Math.floor(received / 5_000_000) > before) console.log(`${Math.round(received / 100_000)} %`);
}

const parts = new Blob(["some ", "text"]).stream();
console.log(await files.call.upload("text", parts), "bytes are stored");

for await (const line of await files.call.tail()) {
  console.log(line);
  if (line === "line 2") break; // ends the generator at the other end
}
await new Promise((resolve) => setTimeout(resolve, 10));
