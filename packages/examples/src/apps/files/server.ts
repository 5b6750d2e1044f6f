// Stores files in the folder "stored". A file travels as a stream: it is never in memory as a whole.

import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, readdir, stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { PBError, Root } from "@pb/broker";
import type { RemoteStream } from "@pb/broker";
import { listen } from "@pb/node-transport";

const folder = "stored";
await mkdir(folder, { recursive: true });

export class Files extends Root {
  remote_list() {
    return readdir(folder);
  }

  async remote_size(name: string) {
    return (await stat(await this.#find(name))).size;
  }

  async *remote_download(name: string): AsyncGenerator<Uint8Array> {
    yield* createReadStream(await this.#find(name)) as AsyncIterable<Uint8Array>;
  }

  async remote_upload(name: string, parts: RemoteStream<Uint8Array>) {
    if (!/^\w[\w.-]{0,99}$/.test(name)) throw new PBError("This is not a name for a file");
    await pipeline(parts, createWriteStream(`${folder}/${name}`));
  }

  /** Only what is listed can be read: the name is not a path that the client has chosen. */
  async #find(name: string) {
    if (!(await readdir(folder)).includes(name)) throw new PBError(`There is no file ${name}`);
    return `${folder}/${name}`;
  }
}

await listen("tcp:8787:interface=127.0.0.1", new Files());
console.log("Listening on port 8787");
