import { getAllPages, getPages, pagesOf, Root, sendPages } from "@pb/broker";
import type { PageCollectorMethods, RemoteReference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";

class FileServer extends Root {
  readonly #video = new Uint8Array(2_000_000);

  remote_video(collector: RemoteReference<PageCollectorMethods<Uint8Array>>) {
    // Rejects when the connection ends before the last page is sent.
    sendPages(collector, pagesOf(this.#video, 100_000)).catch(() => undefined);
  }

  remote_lines(collector: RemoteReference<PageCollectorMethods>) {
    sendPages(collector, ["line 1", "line 2"]).catch(() => undefined); // pages may be any values
  }
}

const { client } = await connectedPair({ root: new FileServer() });
const files = await client.getRootObject<FileServer>();

let bytes = 0;
for await (const page of getPages(files, "video")) bytes += page.length;
console.log(bytes);
console.log(await getAllPages(files, "lines"));
