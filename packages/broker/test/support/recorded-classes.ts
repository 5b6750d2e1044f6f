// The classes of the recorded sessions: those that are sent, those that are received, and the root object of the
// server.

import { createHash } from "node:crypto";
import {
  Avatar,
  Cacheable,
  Copyable,
  Kwargs,
  pagesOf,
  PBError,
  Referenceable,
  remoteCache,
  RemoteCache,
  remoteCopy,
  RemoteCopy,
  Root,
  sendPages,
  Viewable,
} from "@pb/broker";
import type { BrokerOptions, CacheObserver, PageCollectorMethods, Perspective, RemoteReference } from "@pb/broker";
import type { IncomingCall } from "@pb/broker/extension";
import { tuple, TypeRegistry } from "@pb/jelly-types";
import type { Tuple } from "@pb/jelly-types";
import type { Expression } from "@pb/banana";

export class Err extends PBError {
  static override readonly remoteType: string = "vec.Err";
}
export class ValueError extends Error {
  static readonly remoteType: string = "builtins.ValueError";
}
export class JellyErr extends Error {
  readonly code: number;

  constructor(code: number) {
    super();
    this.code = code;
  }
}

class LoginFailed extends Error {
  static readonly remoteType: string = "twisted.cred.error.LoginFailed";
}
class UnauthorizedLogin extends LoginFailed {
  static override readonly remoteType: string = "twisted.cred.error.UnauthorizedLogin";
  static readonly remoteBases: readonly string[] = ["twisted.cred.error.Unauthorized"];
}
class UnhandledCredentials extends LoginFailed {
  static override readonly remoteType: string = "twisted.cred.error.UnhandledCredentials";
}

export class Point extends Copyable {
  static readonly remoteType: string = "vec.Point";

  constructor(
    public x: unknown,
    public y: unknown,
  ) {
    super();
  }
}
export class PointCopy extends RemoteCopy {
  declare readonly x: unknown;
  declare readonly y: unknown;
}
export class Unknown extends Copyable {
  static readonly remoteType: string = "vec.Unknown";
}

export class Counter extends Cacheable {
  static readonly remoteType: string = "vec.Counter";
  readonly observers: CacheObserver[] = [];
  stopped = 0;
  finalValue: number | undefined;

  constructor(public value: number) {
    super();
  }

  getStateToCacheAndObserveFor(_perspective: Perspective, observer: CacheObserver): unknown {
    this.observers.push(observer);
    return { value: this.value };
  }

  override stoppedObserving(_perspective: Perspective, observer: CacheObserver): void {
    this.stopped++;
    this.observers.splice(this.observers.indexOf(observer), 1);
    if (this.finalValue !== undefined) void observer.callRemote("setValue", this.finalValue);
  }

  set(value: number): Promise<unknown[]> {
    this.value = value;
    return Promise.all(this.observers.map((observer) => observer.callRemote("setValue", value)));
  }
}
export class UnknownCounter extends Counter {
  static override readonly remoteType: string = "vec.UnknownCounter";
}
export class CounterCopy extends RemoteCache {
  declare value: number;

  observe_setValue(value: number): number {
    this.value = value;
    return value + 1;
  }
}

export const vecOptions: BrokerOptions = {
  types: new TypeRegistry()
    .registerCopy("vec.JellyErr", JellyErr)
    .register(remoteCopy("vec.Point", PointCopy))
    .register(remoteCache("vec.Counter", CounterCopy)),
};

/** The root object of the recorded server. */
export class VecRoot extends Root {
  readonly counter = new Counter(1);
  readonly logouts: string[] = [];
  /** Functions that resolve the calls of `later`, in the order of the calls. */
  readonly later: ((value: unknown) => void)[] = [];
  /** The login challenges of the recorded server, in order. */
  readonly #challenges: Uint8Array[];
  readonly #acceptsPasswords: boolean;
  #kept: RemoteReference | undefined;

  constructor(challenges: readonly Expression[] = [], { acceptsPasswords = true } = {}) {
    super();
    this.#challenges = [...(challenges as Uint8Array[])];
    this.#acceptsPasswords = acceptsPasswords;
  }

  remote_login(username: unknown): Tuple {
    return tuple(
      this.#challenges[0]!,
      new Challenger(this, username, this.#challenges.shift()!, this.#acceptsPasswords),
    );
  }

  remote_loginAnonymous(mind: RemoteReference | null): Referenceable {
    return new LoggedIn(this, new NamedAvatar("anonymous", mind));
  }

  remote_echo(value: unknown): unknown {
    return value;
  }

  remote_show(...args: unknown[]): unknown {
    return pythonArguments(args);
  }

  remote_None(): null {
    return null;
  }

  remote_later(): Promise<unknown> {
    return new Promise((resolve) => this.later.push(resolve));
  }

  remote_perr(message: string): never {
    throw new Err(message);
  }

  async remote_perr_async(message: string): Promise<never> {
    throw new Err(message);
  }

  remote_verr(message: string): never {
    throw new ValueError(message);
  }

  async remote_verr_async(message: string): Promise<never> {
    throw new ValueError(message);
  }

  remote_jerr(code: number): never {
    throw new JellyErr(code);
  }

  remote_type(_kind: "big"): Uint8Array {
    return new Uint8Array(640 * 1024 + 1);
  }

  remote_point(): Point {
    return new Point(3, -4);
  }

  remote_points(): Point[] {
    const point = new Point(1, 2);
    return [point, point];
  }

  remote_pointcycle(): Point {
    const point = new Point(1, []);
    (point.y as unknown[]).push(point);
    return point;
  }

  remote_unknown(): Unknown {
    return new Unknown();
  }

  async remote_callback(callback: RemoteReference, value: unknown): Promise<unknown> {
    const answer = callback.callRemote("ping", value);
    callback[Symbol.dispose]();
    return answer;
  }

  remote_keep(reference: RemoteReference): void {
    this.#kept = reference;
  }

  remote_drop(): void {
    this.#kept?.[Symbol.dispose]();
  }

  remote_ischild(object: unknown): boolean {
    return object !== this;
  }

  remote_counter(): Counter {
    return this.counter;
  }

  remote_counters(): Tuple {
    return tuple(this.counter, this.counter);
  }

  remote_pages(collector: RemoteReference<PageCollectorMethods>, data: Uint8Array, pageBytes: number): string {
    void sendPages(collector, pagesOf(data, pageBytes));
    return "started";
  }
}

/** The arguments of a call as Python's `(args, kwargs)`. */
function pythonArguments(args: unknown[]): Tuple {
  const last = args.at(-1);
  return last instanceof Kwargs
    ? tuple(tuple(...args.slice(0, -1)), Object.fromEntries(Object.entries(last)))
    : tuple(tuple(...args), {});
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const md5 = (...parts: (Uint8Array | string)[]): Buffer =>
  parts.reduce((hash, part) => hash.update(part), createHash("md5")).digest();

class Challenger extends Referenceable {
  static readonly parameters = { respond: ["response", "mind"] };

  constructor(
    readonly root: VecRoot,
    readonly username: unknown,
    readonly challenge: Uint8Array,
    readonly acceptsPasswords: boolean,
  ) {
    super();
  }

  async remote_respond(response: Uint8Array, mind: RemoteReference | null): Promise<Referenceable> {
    if (!this.acceptsPasswords) {
      throw new UnhandledCredentials(
        "No checker for twisted.cred.credentials.IUsernameHashedPassword, " +
          "twisted.spread.pb.IUsernameMD5Password, twisted.spread.interfaces.IJellyable",
      );
    }
    const isGood = md5(md5("secret"), this.challenge).equals(response) && this.username instanceof Uint8Array;
    if (!isGood) throw new UnauthorizedLogin();
    return new LoggedIn(this.root, new NamedAvatar("alice", mind));
  }
}

/** The reference to an avatar that a login returns. Logs out when it is released. */
class LoggedIn extends Referenceable {
  override readonly perspective: NamedAvatar;

  constructor(
    readonly root: VecRoot,
    avatar: NamedAvatar,
  ) {
    super();
    this.perspective = avatar;
  }

  override receiveCall(call: IncomingCall): unknown {
    return this.perspective.receiveCall(call);
  }

  override unreferenced(): void {
    this.root.logouts.push(this.perspective.name);
  }
}

class NamedAvatar extends Avatar {
  readonly #view = new View();

  constructor(
    readonly name: string,
    readonly mind: RemoteReference | null,
  ) {
    super();
  }

  perspective_whoami(): Uint8Array {
    return bytes(this.name);
  }

  perspective_askmind(value: unknown): Promise<unknown> {
    return this.mind!.callRemote("ping", value);
  }

  perspective_viewed(): View {
    return new View();
  }

  perspective_sameviewed(): View {
    return this.#view;
  }
}

class View extends Viewable {
  view_whoami(perspective: NamedAvatar, ...args: unknown[]): Tuple {
    return tuple(bytes(perspective.name), ...(pythonArguments(args) as Iterable<unknown>));
  }
}
