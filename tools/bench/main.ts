// Runs benches: npm run bench for calls beside everybody, npm run bench -- NAME for one.

import { works } from "./calls/works.js";

/** What else there is to measure. */
const others: Record<string, string> = {
  connections: "time and memory of one connection",
  growth: "calls of @pb with up to 100,000 references and 1,000 connections",
  codec: "@pb/banana beside JSON, MessagePack, CBOR and Twisted, in one process",
  jelly: "@pb/jelly-types beside JSON, MessagePack and Twisted, in one process; shared objects",
};

const names = process.argv.slice(2).filter((arg) => !arg.startsWith("--"));
const options = process.argv.slice(2).filter((arg) => arg.startsWith("--"));
const [first, ...rest] = names;

if (first === "codec") {
  await (await import("./codec/main.js")).main([...rest, ...options]);
} else if (first === "jelly") {
  await (await import("./jelly/main.js")).main([...rest, ...options]);
} else if (names.every((name) => Object.hasOwn(others, name) || works.some(({ work }) => work === name))) {
  await (await import("./calls/main.js")).main(names, options);
} else {
  console.error("Usage: npm run bench [-- NAME… [--rounds=N]]; without a name, all calls.");
  for (const { work, title } of works) console.error(`  ${work.padEnd(12)} ${title}`);
  for (const [name, about] of Object.entries(others)) console.error(`  ${name.padEnd(12)} ${about}`);
  process.exitCode = 1;
}
