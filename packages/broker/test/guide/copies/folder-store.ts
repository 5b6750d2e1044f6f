import { Publishable, RemotePublished, remotePublished, Root } from "@pb/broker";
import type { PublishedStore } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";
import { randomUUID } from "node:crypto";
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Keeps each state in a file that only this user can read. */
class FolderStore implements PublishedStore {
  constructor(readonly folder: string) {}

  async load(key: string) {
    try {
      return await readFile(join(this.folder, key));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined; // not kept yet
      throw error;
    }
  }

  async save(key: string, state: Uint8Array) {
    const unfinished = join(this.folder, randomUUID());
    await writeFile(unfinished, state, { mode: 0o600 });
    await rename(unfinished, join(this.folder, key)); // a reader never finds half a state
  }
}

class Chart extends Publishable {
  static readonly remoteType = "maps.Chart";

  getStateToPublishFor() {
    return { depths: [12, 30, 7] };
  }
}

class ChartCopy extends RemotePublished {
  declare readonly depths: readonly number[];
}

class ChartServer extends Root {
  remote_chart() {
    return new Chart("../../north-sea"); // an id is never the name of a file
  }
}

interface ChartServerCalls {
  chart(): ChartCopy;
}

const folder = await mkdtemp(join(tmpdir(), "charts-"));
const store = new FolderStore(folder);
const types = new TypeRegistry().register(remotePublished("maps.Chart", ChartCopy, store, "maps.example alice"));
const { client } = await connectedPair({ root: new ChartServer() }, { types });
const chart = await (await client.getRootObject<ChartServerCalls>()).call.chart();
await chart.activated;
const [file = ""] = await readdir(folder);
console.log(chart.depths, /^[0-9a-f]{64}$/.test(file));
await client.close();
await rm(folder, { recursive: true });
