import { asLocal, Referenceable, Root } from "@pb/broker";
import type { Reference, RemoteReference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";

class Player extends Referenceable {
  remote_ask(question: string) {
    return question.includes("7 x 6") ? 42 : 0;
  }
}

class Quiz extends Root {
  async remote_join(player: RemoteReference<Player>) {
    return (await player.callRemote("ask", "What is 7 x 6?")) === 42 ? "right" : "wrong";
  }
}

/** Knows neither whether the quiz is here or there, nor whether there is a network. */
function play(quiz: Reference<Quiz>) {
  return quiz.callRemote("join", new Player());
}

const { client } = await connectedPair({ root: new Quiz() });
console.log(await play(await client.getRootObject<Quiz>()));
console.log(await play(asLocal(new Quiz()))); // no connection, nothing is copied
console.log(await play(asLocal(new Quiz(), { copy: {} }))); // copied and refused as on the wire
