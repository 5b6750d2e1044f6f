import { Referenceable, Root } from "@pb/broker";
import { incomingGraph, outgoingGraph } from "@pb/broker/extension";
import type { RemoteReference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";
import type { TypeHandler } from "@pb/jelly-types";

/** Stays where it is, like every Referenceable, but brings its title along. */
class Song extends Referenceable {
  constructor(readonly title: string) {
    super();
  }

  remote_play() {
    return `♪ ${this.title} ♪`;
  }
}

class SongReference {
  constructor(
    readonly title: string,
    readonly reference: RemoteReference<Song>,
  ) {}
}

/** (radio.Song title id), both ways. */
const song: TypeHandler<Song> = {
  atoms: ["radio.Song"],
  classes: [Song],
  identity: false,
  jelly(value, jellier) {
    const id = outgoingGraph(jellier, value).exportReference(value, value); // counted, like any reference
    jellier.writer.list(3);
    jellier.writer.word("radio.Song");
    jellier.writer.text(value.title);
    jellier.writer.integer(id);
  },
  unjelly(unjellier, items, atom) {
    if (items !== 2) throw new TypeError("A song has a title and an id");
    const title = unjellier.reader.text();
    const id = Number(unjellier.reader.integer());
    return new SongReference(title, incomingGraph(unjellier, atom).importReference(id) as RemoteReference<Song>);
  },
};

class Radio extends Root {
  remote_next() {
    return new Song("Yesterday");
  }
}

interface RadioCalls {
  next(): SongReference;
}

const types = new TypeRegistry().register(song);
const { client } = await connectedPair({ root: new Radio(), types }, { types });
const radio = await client.getRootObject<RadioCalls>();
const next = await radio.callRemote("next");
console.log(next.title);
console.log(await next.reference.callRemote("play"));
