// Our server half of the contract (peers/CONTRACT.md, sections 2 and 3).

import { Avatar, Kwargs, Referenceable, Root, sendPages, pagesOf, Viewable } from "@pb/broker";
import { ViewPoint } from "@pb/broker/extension";
import type { Broker, Parameters, RemoteReference } from "@pb/broker";
import type { Callable } from "@pb/broker/extension";
import { AllowAnonymousAccess, ANONYMOUS, InMemoryUsernamePasswordChecker, Portal } from "@pb/cred";
import type { AvatarId, Login, Mind, Realm } from "@pb/cred";
import { tuple } from "@pb/jelly-types";
import type { Float } from "@pb/jelly-types";
import { listen } from "@pb/node-transport";
import type { Server } from "@pb/node-transport";
import { setTimeout as sleep } from "node:timers/promises";
import type { CounterCache } from "./contract.js";
import {
  brokerOptions,
  bytes,
  ContractError,
  CopyableError,
  Counter,
  JellyableError,
  PerspectivePoint,
  Point,
  Unregistered,
  ValueError,
  values,
} from "./contract.js";

export type Variant = "root" | "portal";

/** Listens on loopback; port 0 is any free one. */
export function startServer(variant: Variant, port: number): Promise<Server> {
  const source =
    variant === "root" ? { rootObject: (broker: object) => new ContractRoot(broker as Broker) } : newPortal();
  return listen({ type: "tcp", port, interface: "127.0.0.1" }, source, { broker: brokerOptions });
}

/** What is left of a reference after one call: nothing. */
function borrowed(reference: unknown): RemoteReference & Disposable {
  return reference as RemoteReference;
}

class Child extends Referenceable {
  remote_ping(n: number): number {
    return n + 1;
  }

  remote_me(): this {
    return this;
  }
}

/** One for each connection. */
class ContractRoot extends Root {
  static readonly parameters: Parameters = {
    echo: ["x"],
    add: ["a", "b?", "*", "c?"],
    raise_error: ["kind", "message"],
    take_point: ["p"],
  };
  readonly #broker: Broker;
  readonly #child = new Child();
  readonly #counter = new Counter(10, "main");
  readonly #notes: unknown[] = [];
  #kept: RemoteReference | undefined;
  #taken: CounterCache | undefined;

  constructor(broker: Broker) {
    super();
    this.#broker = broker;
  }

  remote_echo(x: unknown): unknown {
    return x;
  }

  remote_add(a: number, b = 0, c = 0): number {
    return a + b + c;
  }

  remote_show(...args: unknown[]): unknown {
    const last = args.at(-1);
    const hasKeywords = isKwargs(last);
    return tuple(tuple(...(hasKeywords ? args.slice(0, -1) : args)), hasKeywords ? { ...last } : {});
  }

  remote_types(): unknown {
    return values;
  }

  remote_graph(): unknown {
    const shared = ["shared"];
    const cycle: unknown[] = [];
    cycle.push(cycle);
    const list: unknown[] = [];
    const tupleCycle = tuple(list, 1);
    list.push(tupleCycle);
    const dict: Record<string, unknown> = {};
    dict.me = dict;
    return { shared: [shared, shared], cycle, tuple_cycle: tupleCycle, dict_cycle: dict };
  }

  async remote_raise_error(kind: string, message: string): Promise<never> {
    if (kind.endsWith("-async")) await sleep(10);
    throw errorOf(kind.replace("-async", ""), message);
  }

  remote_get_point(): Point {
    return new Point(3, -4, "pt");
  }

  remote_get_points(): Point[] {
    const point = new Point(1, 2, "twice");
    return [point, point];
  }

  remote_take_point({ x, y }: Point): number {
    return x + y;
  }

  remote_get_unregistered(): Unregistered {
    return new Unregistered();
  }

  remote_get_counter(): Counter {
    return this.#counter;
  }

  remote_get_counters(): unknown {
    return tuple(this.#counter, this.#counter);
  }

  remote_is_counter(counter: unknown): boolean {
    return counter === this.#counter;
  }

  remote_set_counter(value: number): Promise<unknown[]> {
    return this.#counter.set(value);
  }

  remote_start_ticks(n: number, interval: number | Float): void {
    void (async () => {
      for (let left = n; left > 0; left--) {
        await sleep(Number(interval) * 1000);
        await this.#counter.set(this.#counter.value + 1).catch(() => undefined);
      }
    })();
  }

  remote_counter_info(): unknown {
    const { value, observers, stopped } = this.#counter;
    return { value, observers: observers.size, stopped, refs: this.#broker.cachesOf(this.#counter) };
  }

  remote_take_counter(counter: CounterCache): number {
    this.#taken = counter;
    return counter.value;
  }

  remote_taken_info(): unknown {
    if (this.#taken === undefined) return null;
    const { value, name, updates } = this.#taken;
    return { value, name, updates };
  }

  remote_give_back_counter(): unknown {
    return this.#taken;
  }

  remote_drop_counter(): void {
    this.#taken?.[Symbol.dispose]();
    this.#taken = undefined;
  }

  remote_get_child(): Child {
    return this.#child;
  }

  remote_get_child_twice(): unknown {
    return tuple(this.#child, this.#child);
  }

  remote_is_child(child: unknown): boolean {
    return child === this.#child;
  }

  remote_is_root(root: unknown): boolean {
    return root === this;
  }

  remote_child_refs(): number {
    return this.#broker.referencesTo(this.#child);
  }

  remote_many_children(n: number): Child[] {
    return Array.from({ length: n }, () => new Child());
  }

  async remote_call_back(reference: unknown, n: number): Promise<unknown> {
    using held = borrowed(reference);
    return tuple("called", await held.callRemote("ping", n));
  }

  async remote_call_back_error(reference: unknown, message: string): Promise<unknown> {
    using held = borrowed(reference);
    try {
      return tuple("no error", await held.callRemote("fail", message));
    } catch (error) {
      const { remoteType, message: text } = error as { remoteType: string; message: string };
      return tuple(remoteType, text);
    }
  }

  remote_keep(reference: RemoteReference): void {
    this.#kept = reference;
  }

  remote_kept_ping(n: number): Promise<unknown> | undefined {
    return this.#kept?.callRemote("ping", n);
  }

  remote_give_back(): unknown {
    return this.#kept;
  }

  remote_drop(): void {
    this.#kept?.[Symbol.dispose]();
    this.#kept = undefined;
  }

  async remote_delay(seconds: number | Float, value: unknown): Promise<unknown> {
    await sleep(Number(seconds) * 1000);
    return value;
  }

  remote_note(x: unknown): string {
    this.#notes.push(x);
    return "this answer must not be sent when none is wanted";
  }

  remote_note_and_fail(x: unknown): never {
    this.#notes.push(x);
    throw new ValueError("nobody hears this");
  }

  remote_notes(): unknown[] {
    return this.#notes;
  }

  remote_get_pages(collector: RemoteReference, data: Uint8Array, size: number): string {
    // A client that goes away in the middle is its own affair.
    sendPages(collector as never, pagesOf(data, size)).catch(() => undefined);
    return "paging";
  }

  remote_disconnect_me(): Promise<never> {
    setTimeout(() => void this.#broker.close());
    return new Promise(() => undefined);
  }
}

function isKwargs(value: unknown): value is Record<string, unknown> {
  return value instanceof Kwargs;
}

function errorOf(kind: string, message: string): Error {
  switch (kind) {
    case "pb":
      return new ContractError(message);
    case "value":
      return new ValueError(message);
    case "jelly":
      return new JellyableError(message);
    case "copy":
      return new CopyableError(message);
    default:
      return new ValueError(`no such kind of error: ${kind}`);
  }
}

class View extends Viewable {
  view_whoami(perspective: ContractAvatar, ...args: unknown[]): unknown {
    const last = args.at(-1);
    const hasKeywords = isKwargs(last);
    return tuple(perspective.name, tuple(...(hasKeywords ? args.slice(0, -1) : args)), hasKeywords ? { ...last } : {});
  }
}

class ContractAvatar extends Avatar {
  readonly name: Uint8Array;
  readonly #mind: Mind;
  readonly #realm: ContractRealm;

  constructor(name: Uint8Array, mind: Mind, realm: ContractRealm) {
    super();
    this.name = name;
    this.#mind = mind;
    this.#realm = realm;
  }

  perspective_whoami(): Uint8Array {
    return this.name;
  }

  perspective_echo(x: unknown): unknown {
    return x;
  }

  perspective_get_view(): View {
    return this.#realm.view;
  }

  perspective_is_view(view: unknown): boolean {
    return view instanceof ViewPoint && view.object === this.#realm.view && view.perspective === this;
  }

  perspective_get_point_for_me(): PerspectivePoint {
    return new PerspectivePoint();
  }

  async perspective_ask_mind(n: number): Promise<unknown> {
    if (this.#mind === null) throw new ContractError("no mind");
    return this.#mind.callRemote("ping", n);
  }

  perspective_raise_error(message: string): never {
    throw new ContractError(message);
  }

  perspective_sessions(): Uint8Array[] {
    return [...this.#realm.sessions].sort().map(bytes);
  }

  perspective_logouts(): Uint8Array[] {
    return this.#realm.logouts.map(bytes);
  }
}

class ContractRealm implements Realm {
  readonly view = new View();
  readonly sessions: string[] = [];
  readonly logouts: string[] = [];

  requestAvatar(avatarId: AvatarId, mind: Mind): Login {
    const name = avatarId === ANONYMOUS ? "anonymous" : avatarId;
    this.sessions.push(name);
    return {
      avatar: new ContractAvatar(bytes(name), mind, this),
      logout: () => {
        this.sessions.splice(this.sessions.indexOf(name), 1);
        this.logouts.push(name);
      },
    };
  }
}

function newPortal(): { rootObject(broker: object): Callable } {
  const users = new InMemoryUsernamePasswordChecker({ alice: "secret", bob: "hunter2" });
  return new Portal(new ContractRealm(), [users, new AllowAnonymousAccess()]);
}
