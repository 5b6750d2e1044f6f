// Removes features of the engine, before any other module is loaded: PB_REMOVE=WeakRef,crypto.subtle

for (const feature of (process.env.PB_REMOVE ?? "").split(",").filter((name) => name !== "")) {
  if (feature === "Symbol.dispose") {
    // Its properties cannot be deleted.
    const kept = Object.getOwnPropertyDescriptors(Symbol);
    for (const name of ["dispose", "asyncDispose"]) delete kept[name];
    const original = Symbol;
    globalThis.Symbol = Object.defineProperties((description) => original(description), kept);
  } else if (feature === "crypto.subtle") {
    const { crypto } = globalThis;
    const getRandomValues = crypto.getRandomValues.bind(crypto);
    Object.defineProperty(globalThis, "crypto", { value: { getRandomValues } });
  } else if (Object.hasOwn(globalThis, feature)) {
    delete globalThis[feature];
  } else {
    throw new Error(`There is no feature ${feature}`);
  }
}
