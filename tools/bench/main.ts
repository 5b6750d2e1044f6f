/** npm run bench [-- NAME…]: measures the named benches, or all that are about calls. */

import { mkdirSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";
import { Contender } from "./calls/contender.js";
import { benchCalls } from "./calls/main.js";
import { workloads } from "./calls/workloads.js";
import { benchLatency } from "./calls/latency.js";
import { benchCodec } from "./codec/main.js";
import { benchDrafts } from "./live/drafts.js";
import { benchLive } from "./live/main.js";

const calls: Record<string, string> = {
  ...Object.fromEntries(workloads.map(({ name, title }) => [name, title])),
  unused: "Calls of @pb without extensions, with hooks, and with schemas",
  telemetry: "Calls of @pb with OpenTelemetry, with and without its SDK",
  connections: "Time and memory of one connection",
  latency: "Latency of a connection while another one floods the server, beside ws and JSON",
  live: "Live state beside @colyseus/schema and JSON Patch: CPU, bytes and memory",
  scram: "Processor time of a login with SCRAM, at the server and at the client",
  crowd: "Latency, memory and pings of 1 to 10,000 connections, beside ws and JSON, and over WebSockets",
  cores: "Servers of two processes (node:cluster), beside ws and JSON, and grpc-js",
  growth: "Calls of @pb with up to 100,000 references and 1,000 connections",
};
const codecs: Record<string, string> = {
  codec: "@pb/banana beside JSON, MessagePack, CBOR and Twisted, in one process",
  jelly: "@pb/jelly-types beside the same, in one process",
  drafts: "immer, mutative and the drafts of @pb/live, which make the next state of live state",
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string" },
    only: { type: "string" },
    old: { type: "string" },
    profile: { type: "boolean" },
  },
});
const [first = "", ...rest] = positionals;
const isCodec = first === "codec" || first === "jelly";
const wantedRounds = values.rounds === undefined ? undefined : Number(values.rounds);
const rounds = wantedRounds ?? (isCodec ? 25 : 11);

if (values.profile === true && (isCodec || workloads.some(({ name }) => name === first))) {
  await profile(first);
} else if (first === "stream") {
  await import("./stream-memory.js");
} else if (values.profile !== true && first === "stream-latency") {
  const { benchStreamLatency } = await import("./stream-latency.js");
  await benchStreamLatency(rounds);
} else if (isCodec) {
  const sections = await benchCodec(first, rest, { rounds, checkout: values.old });
  console.log(sections.join("\n\n"));
} else if (values.profile !== true && first === "drafts") {
  benchDrafts(rounds);
} else if (values.profile !== true && first === "tap") {
  const { benchTap } = await import("./tap/main.js");
  await benchTap(rounds);
} else if (values.profile !== true && first === "recording") {
  const { benchRecording } = await import("./recording/main.js");
  await benchRecording(Number(rest[0] ?? 3000));
} else if (values.profile !== true && first === "latency") {
  await benchLatency(rounds);
} else if (values.profile !== true && first === "live") {
  await benchLive(wantedRounds ?? 3, values.only?.split(","));
} else if (values.profile !== true && positionals.every((name) => Object.hasOwn(calls, name))) {
  await benchCalls(positionals, { rounds: wantedRounds, only: values.only?.split(","), checkout: values.old });
} else {
  console.error("Usage: npm run bench [-- NAME… [--rounds=N] [--only=CONTENDER,…] [--old=CHECKOUT]]");
  console.error("       npm run bench -- codec|jelly [PAYLOAD…] [--rounds=N] [--old=CHECKOUT]");
  console.error("       npm run bench -- stream [MEGABYTES [MEGABYTES_PER_SECOND]]");
  console.error("       npm run bench -- stream-latency [--rounds=N]");
  console.error("       npm run bench -- tap [--rounds=N]");
  console.error("       npm run bench -- recording [MEGABYTES]");
  console.error("       npm run profile -- NAME");
  for (const [name, about] of Object.entries({ ...calls, ...codecs })) console.error(`  ${name.padEnd(12)} ${about}`);
  process.exitCode = 1;
}

/** Runs one bench of @pb under V8's profiler. The profiles open in Chrome's developer tools, VS Code and speedscope. */
async function profile(name: string): Promise<void> {
  const folder = "profiles";
  mkdirSync(folder, { recursive: true });
  const flags = (side: string): string[] => [
    "--cpu-prof",
    "--cpu-prof-interval=100", // microseconds
    `--cpu-prof-dir=${folder}`,
    `--cpu-prof-name=${name}-${side}.cpuprofile`,
  ];
  if (isCodec) {
    const program = [...flags("all"), ...process.execArgv, process.argv[1]!, name, ...rest];
    spawnSync(process.execPath, program, { stdio: "inherit" });
  } else {
    using contender = (await Contender.start("@pb", { flags }))!;
    let times = 1;
    while ((await contender.run(name, times)).seconds < 3) times *= 2;
    await contender.end();
  }
  console.log(`V8's profiles are in ${folder}/${name}-*.cpuprofile.`);
}
