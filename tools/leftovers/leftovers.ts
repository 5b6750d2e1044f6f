// Notices what the packages leave behind: timers, listeners of abort signals and of emitters, sockets and processes.

import { EventEmitter, getEventListeners } from "node:events";

/** What was started and has not ended. `at` has the stack of the call that started it. */
interface Started {
  readonly what: string;
  readonly at: () => Error | undefined;
  readonly isLeft: () => boolean;
}

const real = { setTimeout, clearTimeout, setInterval, clearInterval };

/** Timers that run, by the object that `setTimeout` returned. */
const timers = new Map<unknown, Started>();
/** For each timer that its own callback has started, the one whose callback was the first: it goes on. */
const origins = new WeakMap<object, unknown>();
/** The timer whose callback is running. */
let running: unknown;
/** Listeners that were added since the last {@link forgetListeners}. They must not keep anything in memory. */
let listeners: Started[] = [];
/** The stacks of the calls that added them. A stack keeps the functions on it in memory, and what those refer to. */
const stacks = new WeakMap<object, Error>();
/** Where each controller was created. */
const controllers = new WeakMap<AbortSignal, Error>();

/** Replaces the functions of the platform by functions that do the same and take notes. Call it once per process. */
export function takeNotes(): void {
  globalThis.setTimeout = noted("setTimeout", true) as typeof setTimeout;
  globalThis.setInterval = noted("setInterval", false) as typeof setInterval;
  globalThis.clearTimeout = globalThis.clearInterval = ((timer: NodeJS.Timeout | undefined) => {
    timers.delete(timer);
    real.clearTimeout(timer);
  }) as typeof clearTimeout;
  noteControllers();
  noteAbortListeners();
  noteEmitters();
}

function noted(what: "setTimeout" | "setInterval", isOnce: boolean): unknown {
  const start = (callback: (...args: unknown[]) => void, ...rest: [number?, ...unknown[]]): unknown => {
    const run = (...args: unknown[]): void => {
      if (isOnce) timers.delete(timer);
      const outer = running;
      running = timer;
      try {
        callback(...args);
      } finally {
        running = outer;
      }
    };
    const timer: object = real[what](run, ...rest);
    if (running !== undefined) origins.set(timer, origins.get(running as object) ?? running);
    const at = here();
    timers.set(timer, { what: `${what} of ${rest[0] ?? 0} ms`, at: () => at, isLeft: () => timers.has(timer) });
    return timer;
  };
  return Object.defineProperties(start, Object.getOwnPropertyDescriptors(real[what]));
}

function noteControllers(): void {
  const Original = globalThis.AbortController;
  globalThis.AbortController = class AbortController extends Original {
    constructor() {
      super();
      controllers.set(this.signal, here());
    }
  };
}

function noteAbortListeners(): void {
  const { addEventListener: original } = AbortSignal.prototype as { addEventListener: (...args: unknown[]) => void };
  AbortSignal.prototype.addEventListener = function (this: AbortSignal, ...args: unknown[]) {
    original.apply(this, args);
    const [type, listener] = args as [string, (event: Event) => void];
    const [weakSignal, weakListener] = [new WeakRef(this), weakly(listener)];
    const isLeft = (): boolean => {
      const [signal, added] = [weakSignal.deref(), weakListener.deref()];
      if (signal === undefined || added === undefined || signal.aborted) return false;
      // A signal that a package has made is collected together with its listeners.
      return !isOfPackage(controllers.get(signal)) && getEventListeners(signal, type).includes(added);
    };
    listeners.push({ what: `listener of "${type}" of an AbortSignal`, at: () => stackOf(weakListener), isLeft });
  };
}

function noteEmitters(): void {
  type Add = (event: string | symbol, listener: (...args: unknown[]) => void) => EventEmitter;
  const emitters = EventEmitter.prototype as unknown as Record<"on" | "addListener" | "once", Add>;
  for (const method of ["on", "addListener", "once"] as const) {
    const original = emitters[method];
    emitters[method] = function (this: EventEmitter, event, listener) {
      const what = `listener of "${String(event)}" of ${this.constructor.name}`;
      const [weakEmitter, weakListener] = [new WeakRef(this), weakly(listener)];
      const isLeft = (): boolean => {
        const [emitter, added] = [weakEmitter.deref(), weakListener.deref()];
        return (
          emitter !== undefined && added !== undefined && isInUse(emitter) && emitter.listeners(event).includes(added)
        );
      };
      listeners.push({ what, at: () => stackOf(weakListener), isLeft });
      return original.call(this, event, listener);
    };
  }
}

/** Listeners of streams that were destroyed, and of servers that were closed, do no harm. */
function isInUse(emitter: EventEmitter & { readonly destroyed?: boolean; readonly listening?: boolean }): boolean {
  return emitter.destroyed !== true && emitter.listening !== false;
}

/** A weak reference to a listener whose stack is the current one. */
function weakly<T extends object>(listener: T): WeakRef<T> {
  stacks.set(listener, here());
  return new WeakRef(listener);
}

function stackOf(listener: WeakRef<object>): Error | undefined {
  return stacks.get(listener.deref() ?? {});
}

/** The stack, which is turned into text only if it is needed. */
function here(): Error {
  return new Error("started");
}

/** Whether the call in the stack was made by the source of a package, and not by a test or by Node. */
function isOfPackage(at: Error | undefined): boolean {
  return /\/packages\/[^/]+\/src\//.test(callers(at)[0] ?? "");
}

/** The frames of the stack, apart from those of Node and of this file. */
function callers(at: Error | undefined): string[] {
  const frames = at?.stack?.split("\n").slice(1) ?? [];
  return frames.filter((frame) => !/node:|\/tools\/leftovers\/leftovers\.ts/.test(frame));
}

/** The sockets, servers and child processes that keep the process alive, by their kind. */
export type Handles = ReadonlyMap<string, number>;

/** Reads them. Engines other than Node do not tell. */
export function handles(): Handles {
  const counts = new Map<string, number>();
  const names = (process as Partial<NodeJS.Process>).getActiveResourcesInfo?.() ?? [];
  for (const name of names) if (name.endsWith("Wrap")) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

/** Forgets the listeners that were added before. */
export function forgetListeners(): void {
  listeners = [];
}

/** What is left now of what was started since {@link forgetListeners} and {@link handles} were called. */
export function leftovers(before: Handles, timersBefore: ReadonlySet<unknown>): string[] {
  const isNew = (timer: unknown): boolean =>
    !timersBefore.has(timer) && !timersBefore.has(origins.get(timer as object) ?? timer);
  const started = [...[...timers].filter(([timer]) => isNew(timer)).map(([, note]) => note), ...listeners];
  const left = started.filter(({ isLeft, at }) => isLeft() && isOfPackage(at()));
  const lines = left.map(({ what, at }) => [what, ...callers(at())].join("\n"));
  for (const [name, count] of handles()) {
    const more = count - (before.get(name) ?? 0);
    if (more > 0) lines.push(`${more} ${name}`);
  }
  return lines;
}

/** The timers that run, and those that have started them. */
export function runningTimers(): ReadonlySet<unknown> {
  return new Set([...timers.keys()].flatMap((timer) => [timer, origins.get(timer as object) ?? timer]));
}

/** Waits until nothing is left. Resolves with what is left after `milliseconds`. */
export async function settledLeftovers(look: () => string[], milliseconds: number): Promise<string[]> {
  const end = performance.now() + milliseconds;
  for (let wait = 0; look().length > 0 && performance.now() < end; wait = Math.min(wait + 1, 50)) {
    await new Promise((resolve) => real.setTimeout(resolve, wait));
  }
  return look();
}
