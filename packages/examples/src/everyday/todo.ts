// The to-do list of todo.py on two screens, which both show it as it is now.

import { RemoteCache, remoteCache } from "@pb/broker";
import { TypeRegistry } from "@pb/jelly-types";
import { connect } from "@pb/node-transport";

interface Todo {
  readonly text: string;
  done: boolean;
}

class TodoList extends RemoteCache {
  declare items: Map<number, Todo>;

  /** An empty dict arrives as an object, because its keys could be text. */
  override setCopyableState({ items }: { items: unknown }): void {
    this.items = items instanceof Map ? (items as Map<number, Todo>) : new Map<number, Todo>();
  }

  observe_added(number: number, text: string): void {
    this.items.set(number, { text, done: false });
  }
  observe_finished(number: number): void {
    this.items.get(number)!.done = true;
  }

  get text(): string {
    return [...this.items.values()].map(({ text, done }) => `[${done ? "x" : " "}] ${text}`).join(", ") || "nothing";
  }
}

interface Home {
  list(): TodoList;
  add(text: string): number;
  finish(number: number): void;
  observers(): number;
}

export async function main(address: string, print: (line: string) => void): Promise<void> {
  const types = new TypeRegistry().register(remoteCache("todo.TodoList", TodoList));
  await using kitchen = await connect(address, { broker: { types } });
  await using phone = await connect(address, { broker: { types } });
  const home = await kitchen.getRootObject<Home>();
  const away = await phone.getRootObject<Home>();

  const onTheWall = await home.call.list();
  print(`Kitchen: ${onTheWall.text}`);
  const milk = await home.call.add("milk");
  await home.call.add("bread");
  const inThePocket = await away.call.list();
  print(`Phone: ${inThePocket.text}`);
  await away.call.finish(milk);
  print(`Phone: ${inThePocket.text}`);
  await home.call.add("eggs"); // its answer arrives after all updates so far
  print(`Kitchen: ${onTheWall.text}`);

  inThePocket[Symbol.dispose]();
  print(`${await away.call.observers()} screen is left`);
}
