// Our server half of the contract (peers/CONTRACT.md, sections 2 and 3). Runs in browsers, too.

import { Avatar, Kwargs, Referenceable, RemoteError, Root, sendPages, pagesOf, Viewable } from "@pb/broker";
import { ViewPoint } from "@pb/broker/extension";
import type { Broker, Parameters, RemoteReference, RootSource } from "@pb/broker";
import { AllowAnonymousAccess, ANONYMOUS, InMemoryUsernamePasswordChecker, Portal } from "@pb/cred";
import type { AvatarId, Login, Mind, Realm } from "@pb/cred";
import { tuple } from "@pb/jelly-types";
import type { Float, Tuple } from "@pb/jelly-types";
import { errorOf, sleep } from "./checks/check.js";
import * as contract from "./contract.js";

/** The root of one server. */
export function contractRoot(variant: contract.Variant): RootSource {
  return variant === "root" ? { rootObject: (broker: object) => new ContractRoot(broker as Broker) } : newPortal();
}

/** The arguments of a call as Twisted sees them: a tuple of positional arguments, and a dict of keyword arguments. */
function showArguments(args: unknown[]): [Tuple, object] {
  const last = args.at(-1);
  return last instanceof Kwargs
    ? [tuple(...args.slice(0, -1)), Object.fromEntries(Object.entries(last))]
    : [tuple(...args), {}];
}

class Child extends Referenceable {
  remote_ping = (n: number): number => n + 1;
  remote_me = (): this => this;
}

/** The root object. Each connection has its own. */
class ContractRoot extends Root {
  static readonly parameters: Parameters = {
    echo: ["x"],
    add: ["a", "b?", "*", "c?"],
    raise_error: ["kind", "message"],
    take_point: ["p"],
  };
  readonly #child = new Child();
  readonly #counter = new contract.Counter(10, "main");
  readonly #notes: unknown[] = [];
  #kept: RemoteReference | undefined;
  #taken: contract.CounterCache | undefined;

  constructor(private readonly broker: Broker) {
    super();
  }

  remote_echo = (x: unknown): unknown => x;
  remote_add = (a: number, b = 0, c = 0): number => a + b + c;
  remote_show = (...args: unknown[]): unknown => tuple(...showArguments(args));
  remote_types = (): unknown => contract.values;
  remote_graph = (): unknown => contract.graph();

  async remote_raise_error(kind: string, message: string): Promise<never> {
    if (kind.endsWith("-async")) await sleep(10);
    throw new (errorClasses.get(kind.replace("-async", ""))!)(message);
  }

  remote_get_point = (): contract.Point => new contract.Point(3, -4, "pt");
  remote_get_points = (): contract.Point[] => new Array<contract.Point>(2).fill(new contract.Point(1, 2, "twice"));
  remote_take_point = ({ x, y }: contract.Point): number => x + y;
  remote_get_unregistered = (): contract.Unregistered => new contract.Unregistered();
  remote_get_counter = (): contract.Counter => this.#counter;
  remote_get_counters = (): unknown => tuple(this.#counter, this.#counter);
  remote_is_counter = (counter: unknown): boolean => counter === this.#counter;
  remote_set_counter = (value: number): Promise<unknown[]> => this.#counter.set(value);

  remote_start_ticks(n: number, interval: number | Float): void {
    void this.#tick(n, Number(interval) * 1000);
  }

  async #tick(times: number, intervalMs: number): Promise<void> {
    for (let left = times; left > 0; left--) {
      await sleep(intervalMs);
      this.#counter.set(this.#counter.value + 1).catch(() => undefined);
    }
  }

  remote_counter_info(): unknown {
    const { value, observers, stopped } = this.#counter;
    return { value, observers: observers.size, stopped, refs: this.broker.cachesOf(this.#counter) };
  }

  remote_take_counter = (counter: contract.CounterCache): number => (this.#taken = counter).value;
  remote_taken_info = (): unknown => this.#taken && Object.assign({}, this.#taken);
  remote_give_back_counter = (): unknown => this.#taken;

  remote_drop_counter(): void {
    this.#taken?.[Symbol.dispose]();
    this.#taken = undefined;
  }

  remote_get_child = (): Child => this.#child;
  remote_get_child_twice = (): unknown => tuple(this.#child, this.#child);
  remote_is_child = (child: unknown): boolean => child === this.#child;
  remote_is_root = (root: unknown): boolean => root === this;
  remote_child_refs = (): number => this.broker.referencesTo(this.#child);
  remote_many_children = (n: number): Child[] => Array.from({ length: n }, () => new Child());

  async remote_call_back(reference: RemoteReference, n: number): Promise<unknown> {
    using target = reference;
    return tuple("called", await target.callRemote("ping", n));
  }

  async remote_call_back_error(reference: RemoteReference, message: string): Promise<unknown> {
    using target = reference;
    const error = await errorOf(target.callRemote("fail", message));
    if (!(error instanceof RemoteError)) throw error;
    return tuple(error.remoteType, error.message);
  }

  remote_keep = (reference: RemoteReference): void => void (this.#kept = reference);
  remote_kept_ping = (n: number): Promise<unknown> | undefined => this.#kept?.callRemote("ping", n);
  remote_give_back = (): unknown => this.#kept;

  remote_drop(): void {
    this.#kept?.[Symbol.dispose]();
    this.#kept = undefined;
  }

  remote_delay = (seconds: number | Float, value: unknown): Promise<unknown> => sleep(Number(seconds) * 1000, value);

  remote_note(x: unknown): string {
    this.#notes.push(x);
    return "this answer must not be sent: sendRemote requests none";
  }

  remote_note_and_fail(x: unknown): never {
    this.#notes.push(x);
    throw new contract.ValueError("this error must not be sent: sendRemote requests no answer");
  }

  remote_notes = (): unknown[] => this.#notes;

  remote_get_pages(collector: RemoteReference, data: Uint8Array, size: number): string {
    // The rejection means that the client disconnected or canceled.
    sendPages(collector as never, pagesOf(data, size)).catch(() => undefined);
    return "paging";
  }

  remote_disconnect_me(): Promise<never> {
    setTimeout(() => void this.broker.close());
    return new Promise(() => undefined);
  }
}

/** By the argument `kind` of `raise_error`. */
const errorClasses = new Map<string, new (message: string) => Error>([
  ["pb", contract.ContractError],
  ["value", contract.ValueError],
  ["jelly", contract.JellyableError],
  ["copy", contract.CopyableError],
]);

class View extends Viewable {
  view_whoami(perspective: ContractAvatar, ...args: unknown[]): unknown {
    return tuple(perspective.name, ...showArguments(args));
  }
}

class ContractAvatar extends Avatar {
  constructor(
    readonly name: Uint8Array,
    private readonly mind: Mind,
    private readonly realm: ContractRealm,
  ) {
    super();
  }

  perspective_whoami = (): Uint8Array => this.name;
  perspective_echo = (x: unknown): unknown => x;
  perspective_get_view = (): View => this.realm.view;
  perspective_is_view = (view: unknown): boolean =>
    view instanceof ViewPoint && view.object === this.realm.view && view.perspective === this;
  perspective_get_point_for_me = (): contract.PerspectivePoint => new contract.PerspectivePoint();

  async perspective_ask_mind(n: number): Promise<unknown> {
    if (this.mind === null) throw new contract.ContractError("no mind");
    return this.mind.callRemote("ping", n);
  }

  perspective_raise_error = (message: string): never => {
    throw new contract.ContractError(message);
  };
  perspective_sessions = (): Uint8Array[] => [...this.realm.sessions].sort().map(contract.bytes);
  perspective_logouts = (): Uint8Array[] => this.realm.logouts.map(contract.bytes);
}

class ContractRealm implements Realm {
  readonly view = new View();
  readonly sessions: string[] = [];
  readonly logouts: string[] = [];

  requestAvatar(avatarId: AvatarId, mind: Mind): Login {
    const name = avatarId === ANONYMOUS ? "anonymous" : avatarId;
    this.sessions.push(name);
    return {
      avatar: new ContractAvatar(contract.bytes(name), mind, this),
      logout: () => {
        this.sessions.splice(this.sessions.indexOf(name), 1);
        this.logouts.push(name);
      },
    };
  }
}

function newPortal(): Portal {
  // As few iterations as a client accepts: the contract is not about the time of a login.
  const users = new InMemoryUsernamePasswordChecker({ alice: "secret", bob: "hunter2" }, { iterations: 4096 });
  return new Portal(new ContractRealm(), [users, new AllowAnonymousAccess()]);
}
