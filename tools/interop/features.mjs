/**
 * Runs both halves of ours in one process, each time with other features of the engine removed. Arguments: a bundle of
 * halves.ts, which is loaded anew each time, and the ports of two servers of Twisted. A line of input names a variant
 * and features, such as {"variant":"root","removed":["WeakRef","crypto.subtle"]}. Prints the verdicts of our client,
 * then the port of our server, and stops that at the next line.
 */
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [bundle, ...ports] = process.argv.slice(2);
const [rootPort, portalPort] = ports.map(Number);

/** How features are removed that are not a global. Each returns how to put it back. */
const special = {
  // Properties of `Symbol` cannot be deleted.
  "Symbol.dispose": () => replaceSymbol("dispose", "asyncDispose"),
  "Symbol.asyncDispose": () => replaceSymbol("asyncDispose"),
  "crypto.subtle"() {
    const { crypto } = globalThis;
    return replace(globalThis, "crypto", { value: { getRandomValues: crypto.getRandomValues.bind(crypto) } });
  },
  /** Errors that ignore the option `cause`. */
  "Error.cause"() {
    const names = ["Error", "TypeError", "RangeError"];
    const construct = (type, [message], target) => Reflect.construct(type, [message], target);
    return all(names.map((name) => replace(globalThis, name, { value: new Proxy(globalThis[name], { construct }) })));
  },
};

/** What Node 20 does not have. */
const NEWER = ["Promise.withResolvers", "Array.fromAsync", "WebSocket"];

function remove(feature) {
  if (Object.hasOwn(special, feature)) return special[feature]();
  const path = feature.split(".");
  const name = path.pop();
  const owner = path.reduce((object, key) => object[key], globalThis);
  if (!Object.hasOwn(owner, name) && !NEWER.includes(feature)) throw new Error(`There is no feature ${feature}`);
  return replace(owner, name, undefined);
}

function replaceSymbol(...missing) {
  const kept = Object.getOwnPropertyDescriptors(Symbol);
  for (const name of missing) delete kept[name];
  const original = Symbol;
  const value = Object.defineProperties((description) => original(description), kept);
  return replace(globalThis, "Symbol", { value });
}

/** Defines or deletes a property, and returns how to put back what was there. */
function replace(owner, name, descriptor) {
  const original = Object.getOwnPropertyDescriptor(owner, name);
  if (descriptor === undefined) delete owner[name];
  else Object.defineProperty(owner, name, { configurable: true, writable: true, ...descriptor });
  return () => {
    if (original !== undefined) Object.defineProperty(owner, name, original);
  };
}

function all(restores) {
  return () => restores.forEach((restore) => restore());
}

const print = (value) => console.log(JSON.stringify(value));
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
let loaded = 0;

for (let line = await lines.next(); line.done !== true; line = await lines.next()) {
  const { variant, removed } = JSON.parse(line.value);
  const restore = all(removed.map(remove));
  try {
    const halves = await import(`${pathToFileURL(bundle).href}?${++loaded}`);
    print(await halves.clientVerdicts(variant, variant === "root" ? rootPort : portalPort));
    const server = await halves.startServer(variant, 0);
    print({ listening: server.port });
    await lines.next();
    await server.close();
  } finally {
    restore();
  }
}
