// What this package uses of the module async_hooks of Node, Deno and Bun. Undefined in browsers.

/** Passes a value on to everything that starts within a function, also behind an `await`. */
export interface AsyncLocalStorage<Value> {
  getStore(): Value | undefined;
  enterWith(value: Value): void;
}

/** An async scope. */
export declare class AsyncResource {
  constructor(type: string);
  runInAsyncScope<This, Argument, Result>(
    run: (this: This, argument: Argument) => Result,
    thisArg: This,
    argument: Argument,
  ): Result;
}

interface AsyncHooks {
  readonly AsyncLocalStorage: new <Value>() => AsyncLocalStorage<Value>;
  readonly AsyncResource: typeof AsyncResource;
}

interface Platform {
  readonly process?: { getBuiltinModule?(name: string): unknown };
}

/** Asked for at run time, because an import would not work in browsers. Node has this function since 20.16. */
export const asyncHooks = (globalThis as Platform).process?.getBuiltinModule?.("async_hooks") as AsyncHooks | undefined;
