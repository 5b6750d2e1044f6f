// Sends a file to upload.py in pages, and shows how far it is.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { RemoteError, sendPages } from "@pb/broker";
import type { PageCollectorMethods, Referenceable } from "@pb/broker";
import { connect } from "@pb/node-transport";

interface Upload extends Referenceable, PageCollectorMethods<Uint8Array> {
  remote_digest(): string;
}

interface Store {
  upload(name: string, size: number): Upload;
}

export async function main(address: string, print: (line: string) => void, path: string): Promise<void> {
  await using connection = await connect(address);
  const store = await connection.getRootObject<Store>();
  try {
    await store.call.upload("../passwd", 1);
  } catch (error) {
    if (error instanceof RemoteError && error.is("builtins.ValueError")) print(`Refused: ${error.message}`);
  }

  const { size } = await stat(path);
  const upload = await store.call.upload(basename(path), size);
  const hash = createHash("sha256");

  async function* pages(): AsyncGenerator<Uint8Array> {
    let sent = 0;
    let shown = 0;
    for await (const chunk of createReadStream(path) as AsyncIterable<Uint8Array>) {
      hash.update(chunk);
      yield chunk;
      sent += chunk.byteLength;
      const percent = Math.floor((sent / size) * 4) * 25;
      if (percent > shown) print(`${(shown = percent)} %`);
    }
  }
  const digest = upload.call.digest(); // Answered at the end. Called now, because `sendPages` releases the reference.
  await sendPages(upload, pages());
  print((await digest) === hash.digest("hex") ? "The file arrived unchanged" : "The file was damaged");
}
