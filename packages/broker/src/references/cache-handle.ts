// What the program holds of a cache: a proxy, so that the cache itself stays available to the peer until the peer has
// forgotten it.

import { isDispose } from "@pb/banana";

/** What a handle uses of the table of its cache. */
export interface HandleHost<Cache extends object> {
  release(handle: Cache): void;
  /** The handle of a cache, if `value` is one; all other values are returned unchanged. */
  toHandle(value: unknown): unknown;
  /** Notes that `cache` refers to `value`, if that is another cache. */
  mention(cache: Cache, value: unknown): void;
}

/** A property of each handle, which also a proxy around it has: a function that returns the handle. */
const ownHandle: unique symbol = Symbol("ownHandle");

/** The handle below a proxy that a program, Vue or MobX has made of it. Any other value is returned unchanged. */
export function withoutWrappers(value: object): object {
  return (value as { readonly [ownHandle]?: () => object })[ownHandle]?.() ?? value;
}

/**
 * A proxy of a cache. It behaves like the cache, except that `Symbol.dispose` releases it. Its methods run with the
 * cache as `this`, so that private fields work. Where a property, a method or an async method returns the cache, the
 * handle is returned instead.
 */
export function makeHandle<Cache extends object>(cache: Cache, host: HandleHost<Cache>): Cache {
  const methods = new WeakMap<object, unknown>();
  const own: Cache = new Proxy(cache, {
    get(target, key, handle): unknown {
      if (isDispose(key)) return () => host.release(own);
      if (key === ownHandle) return () => own;
      const value: unknown = Reflect.get(target, key, target);
      if (value === target) return handle;
      if (typeof value === "object") return host.toHandle(value);
      if (typeof value !== "function" || key === "constructor") return value;
      let method = methods.get(value);
      if (method === undefined) {
        method = function (this: unknown, ...args: unknown[]): unknown {
          const self = this === handle ? target : this;
          const toHandle = (result: unknown): unknown => (result === target ? handle : host.toHandle(result));
          const result: unknown = Reflect.apply(value as (...args: unknown[]) => unknown, self, args);
          return result instanceof Promise && self === target ? result.then(toHandle) : toHandle(result);
        };
        methods.set(value, method);
      }
      return method;
    },
    set(target, key, value: unknown) {
      const stored: unknown = value === target ? value : host.toHandle(value);
      host.mention(target, stored);
      return Reflect.set(target, key, stored, target);
    },
  });
  return own;
}
