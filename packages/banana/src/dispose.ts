// The symbols of disposal, also on engines that do not have them.

/**
 * `Symbol.dispose`. On an engine without it: `Symbol.for("Symbol.dispose")`, which code with `using` looks for there
 * when esbuild or Babel has compiled it.
 */
export const dispose: typeof Symbol.dispose =
  (Symbol as Partial<SymbolConstructor>).dispose ?? (Symbol.for("Symbol.dispose") as typeof Symbol.dispose);

const isMissing = (Symbol as Partial<SymbolConstructor>).dispose === undefined;

/** The same for `Symbol.asyncDispose`. */
export const asyncDispose: typeof Symbol.asyncDispose =
  (Symbol as Partial<SymbolConstructor>).asyncDispose ??
  (Symbol.for("Symbol.asyncDispose") as typeof Symbol.asyncDispose);

/**
 * Gives a class the method that it declares as `[Symbol.dispose]` or `[Symbol.asyncDispose]` where the engine does not
 * have that symbol: call it in a static block of the class. (A class cannot declare it as `[dispose]`, because
 * TypeScript needs the global symbol in declarations.)
 */
export function addDisposal(type: { readonly prototype: object }, symbol: symbol = dispose): void {
  // There, `[Symbol.dispose]` is `["undefined"]`, for the class as well as for a program that calls the method.
  const method = Object.getOwnPropertyDescriptor(type.prototype, "undefined");
  if (method !== undefined) Object.defineProperty(type.prototype, symbol, method);
}

/** The result of a subscription: calls `action` each time it is disposed of, also when that happens twice. */
export function onDispose(action: () => void): Disposable {
  return isMissing ? ({ [dispose]: action, undefined: action } as Disposable) : { [dispose]: action };
}

/** Whether a property is the method of disposal. */
export function isDispose(key: string | symbol): boolean {
  return key === dispose || (isMissing && key === "undefined");
}
