// A board for tests, and connections in memory to a server that has it.

import { Avatar, Root } from "@pb/broker";
import type { Perspective, RemoteReference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import type { ConnectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";
import { Live, LiveView, liveView } from "@pb/live";
import type { LiveError, LiveOptions } from "@pb/live";

export interface BoardState {
  readonly title: string;
  readonly cards: Readonly<Record<string, { readonly text: string; readonly done: boolean }>>;
  readonly log: readonly string[];
}

export const first: BoardState = {
  title: "Shop",
  cards: { a: { text: "apples", done: false }, b: { text: "bread", done: false } },
  log: [],
};

/** A user, whose name is the key of the view. */
export class Member extends Avatar {
  readonly name: string;
  readonly #root: BoardRoot;

  constructor(name: string, root: BoardRoot) {
    super();
    this.name = name;
    this.#root = root;
  }

  perspective_board(): Live<BoardState> {
    return this.#root.board;
  }
}

export class BoardRoot extends Root {
  readonly board: Live<BoardState>;

  constructor(board: Live<BoardState>) {
    super();
    this.board = board;
  }

  remote_board(): Live<BoardState> {
    return this.board;
  }

  remote_login(name: string): Member {
    return new Member(name, this);
  }

  remote_finish(card: string): number {
    this.board.update((draft) => {
      draft.cards[card]!.done = true;
      draft.log.push(`${card} done`);
    });
    return this.board.revision;
  }
}

/** A board that collects its errors. */
export class Board extends Live<BoardState> {
  readonly errors: LiveError[];

  constructor(options: LiveOptions = {}, state: BoardState = structuredClone(first)) {
    const errors: LiveError[] = [];
    super(state, { onError: (error) => errors.push(error), ...options });
    this.errors = errors;
  }
}

export function viewTypes(): TypeRegistry {
  return new TypeRegistry().register(liveView());
}

/** As those of a viewer of an older version, which does not name the packed form, and answers that it reads it. */
export function askedTypes(): TypeRegistry {
  const { form: _form, ...handler } = liveView();
  return new TypeRegistry().register(handler);
}

export interface Viewing {
  readonly pair: ConnectedPair;
  readonly root: RemoteReference<BoardRoot>;
  readonly view: LiveView<BoardState>;
}

/** A connection of its own to the root, and the view that arrives over it. */
export async function viewerOf(root: BoardRoot, name?: string, types: TypeRegistry = viewTypes()): Promise<Viewing> {
  const pair = await connectedPair({ root }, { types });
  const reference = await pair.client.getRootObject<BoardRoot>();
  const member = name === undefined ? undefined : await reference.callRemote("login", name);
  const view: unknown = await (member === undefined ? reference.callRemote("board") : member.callRemote("board"));
  if (!(view instanceof LiveView)) throw new TypeError("A LiveView should have arrived");
  return { pair, root: reference, view: view as LiveView<BoardState> };
}

/** The name of a perspective of these tests. */
export function nameOf(perspective: Perspective): string {
  return perspective instanceof Member ? perspective.name : "anonymous";
}

/** What the server has sent so far, as text. */
export function sentBy({ pair }: Viewing): string {
  return pair.links.listener.sent.map((bytes) => Buffer.from(bytes).toString("latin1")).join("");
}

/** The messages about views that the server has sent. */
export function patchesOf({ pair }: Viewing): string[] {
  return pair.transcript().filter((line) => line.includes("cachemessage"));
}
