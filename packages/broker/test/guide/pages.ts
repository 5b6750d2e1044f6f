import { getAllPages, getPages, pagesOf, Root, sendPages } from "@pb/broker";
import type { PageCollectorMethods, RemoteReference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";

class Archive extends Root {
  readonly #film = new Uint8Array(2_000_000);

  remote_film(collector: RemoteReference<PageCollectorMethods>) {
    sendPages(collector, pagesOf(this.#film, 100_000)).catch(() => undefined); // nobody there any more
  }

  remote_poem(collector: RemoteReference<PageCollectorMethods>) {
    sendPages(collector, ["Tyger Tyger,", "burning bright"]).catch(() => undefined); // any values, any iterable
  }
}

const { client } = await connectedPair({ root: new Archive() });
const archive = await client.getRootObject();

let bytes = 0;
for await (const page of getPages(archive, "film")) bytes += (page as Uint8Array).length;
console.log(bytes);
console.log(await getAllPages(archive, "poem"));
