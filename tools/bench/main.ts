// Runs a bench by name: npm run bench -- codec. Without a name, lists them.

export {};

/** What each bench measures, and its program: a function of the arguments behind the name. */
const benches: Record<string, { about: string; load: () => Promise<{ main: (args: string[]) => Promise<void> }> }> = {
  codec: { about: "@pb/banana beside JSON, MessagePack, CBOR and Twisted", load: () => import("./codec/main.js") },
  jelly: {
    about: "@pb/jelly-types beside JSON, MessagePack and Twisted; shared objects",
    load: () => import("./jelly/main.js"),
  },
};

const [name, ...args] = process.argv.slice(2);
const bench = name !== undefined && Object.hasOwn(benches, name) ? benches[name] : undefined;
if (bench === undefined) {
  console.error("Usage: npm run bench -- <name> [arguments]");
  for (const [known, { about }] of Object.entries(benches)) console.error(`  ${known.padEnd(10)} ${about}`);
  process.exitCode = 1;
} else {
  await (await bench.load()).main(args);
}
