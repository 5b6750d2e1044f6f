import { asLocal, Referenceable, Root } from "@pb/broker";
import type { Reference, RemoteReference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";

class Player extends Referenceable {
  remote_ask(question: string) {
    return question === "What is 7 x 6?" ? 42 : 0;
  }
}

class Quiz extends Root {
  async remote_play(player: RemoteReference<Player>) {
    return (await player.call.ask("What is 7 x 6?")) === 42 ? "right" : "wrong";
  }
}

/** Works with a remote and with a local quiz. */
function play(quiz: Reference<Quiz>) {
  return quiz.call.play(new Player());
}

const { client } = await connectedPair({ root: new Quiz() });
console.log("remote:", await play(await client.getRootObject<Quiz>()));
console.log("local:", await play(asLocal(new Quiz())));
console.log("local with copies:", await play(asLocal(new Quiz(), { copy: {} })));
