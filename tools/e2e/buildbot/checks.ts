// Compares the builds of a worker with the builds of Buildbot's own worker: the table below is what that one produces.

import { createHash } from "node:crypto";
import type { Build, Master } from "./master.js";

type Text = string | RegExp;

interface ExpectedBuild {
  readonly results: string;
  /** For each step its results, and the expected text of its logs: `LOG/STREAM`, or `LOG` for a log without streams. */
  readonly steps: Readonly<Record<string, readonly [results: string, logs?: Readonly<Record<string, Text>>]>>;
  /** The SHA-256, or the size, of files that the worker uploads to the master. */
  readonly files?: Readonly<Record<string, string | number>>;
}

const exit = (status: number): RegExp => new RegExp(`program finished with exit code ${status}`);
const stdout = (text: Text): Record<string, Text> => ({ "stdio/stdout": text });
/** Steps with the same results, whose logs are not compared. */
const each = <Results extends string>(results: Results, ...names: string[]): Record<string, readonly [Results]> =>
  Object.fromEntries(names.map((name) => [name, [results]]));
const interrupted = ["cancelled", { cancelled: /asked by master\.cfg/ }] as const;

const IN_TXT = "c297ddc45cc87a3613c39fc03befec79eb757ba0c94fdcde2a59cb3125e99a6f";
const BIG_BIN = "a2706a20394e48179a86c71e82c360c2960d3652340f9b9fdb355a42e3ac7691";
const lines = (count: number, line: (index: number) => string): string =>
  Array.from({ length: count }, (_, i) => line(i)).join("");
const unicode = ["success", stdout("\u2603 \u{1f600} \u00e9\n")] as const;

/** By the name of the builder in master.cfg. */
const expectedBuilds: Readonly<Record<string, ExpectedBuild>> = {
  basic: {
    results: "failure",
    steps: {
      hello: ["success", { "stdio/stdout": "hello\n", "stdio/header": exit(0) }],
      exit3: ["failure", { "stdio/stdout": "", "stdio/header": exit(3) }],
    },
  },
  shell: {
    results: "success",
    steps: {
      env: ["success", { "stdio/stdout": "gr\u00fc\u00df\n", "stdio/stderr": "to-stderr\n" }],
      unicode,
      badutf8: ["success", stdout("\ufffd\ufffd ok\n")],
      big: ["success", stdout(lines(20000, (index) => `line ${index} of output ${"x".repeat(26)}\n`))],
      noeol: ["success", stdout("no newline at end\n")],
      stdin: ["success", stdout("from stdin\n")],
      logfile: ["success", { "x/stdout": "inlog\n" }],
      pty: ["success", stdout(/^tty\r?\n$/)],
      ...each("failure", "timeout", "notfound", "signalled"),
      maxtime: ["failure", stdout(/tick\ntick\n/)],
      setprop: ["success", stdout("value-of-prop\n")],
      useprop: ["success", stdout("value-of-prop\n")],
    },
  },
  files: {
    results: "success",
    steps: {
      ...each("success", "mkdir", "download", "download-big", "exists", "upload", "upload-big", "upload-dir"),
      ...each("success", "upload-glob", "cpdir", "rmfile", "rmdir"),
      ...each("failure", "upload-missing", "upload-toobig", "stat-missing"),
      sum: ["success", stdout(`${IN_TXT}  d/in.txt\n${BIG_BIN}  d/big.bin\n`)],
      ls: ["success", stdout("big.bin\nin.txt\n")],
      listdir: ["success", { "updates/stdout": /'files', \[\['(in.txt', 'big.bin|big.bin', 'in.txt)'\]\]/ }],
      stat: ["success", { "updates/stdout": /'stat', \[[[(]33188, \d+, .*\d+[\])]\]/ }],
      glob: ["success", { "updates/stdout": /'files', \[\['.*build\/e\/.*', '.*build\/e\/.*'\]\]/ }],
    },
    files: {
      "up/in.txt": IN_TXT,
      "up/big.bin": BIG_BIN,
      "up/d/in.txt": IN_TXT,
      "up/d/big.bin": BIG_BIN,
      "up/multi/in.txt": IN_TXT,
      "up/cut.bin": 1000,
    },
  },
  errors: {
    results: "cancelled",
    steps: {
      ...each("success", "print"),
      // The log has the class and the message of the error that the worker raised.
      "unknown-command": ["failure", { "exception/stdout": /^RemoteException: .*noSuchCommand/ }],
      "missing-args": ["failure", { "exception/stdout": /^RemoteException: .*\n/ }],
      interrupted,
    },
  },
  core: {
    results: "cancelled",
    steps: {
      unicode,
      megabytes: ["success", stdout(lines(40000, (index) => `${index} \u2603 ${"x".repeat(35)}\n`))],
      ...each("success", "download", "upload", "upload-dir"),
      sum: ["success", stdout(`${BIG_BIN}  d/big.bin\n`)],
      exit3: ["failure", { "stdio/stdout": "", "stdio/stderr": "to-stderr\n" }],
      interrupted,
    },
    files: { "up/core.bin": BIG_BIN, "up/core/big.bin": BIG_BIN },
  },
  slow: { results: "success", steps: { slow: ["success", stdout("started\ndone\n")] } },
  exception: {
    results: "exception",
    steps: {
      ...each("success", "mk"),
      "upload-onto-dir": ["exception", { "err.text": /RemoteException: .*Is a directory/ }],
    },
  },
};

/** A regular expression matches a text. */
export type Check = readonly [title: string, actual: unknown, expected: unknown];

/** Sends a change for a builder of master.cfg, waits for the build, and returns its results, logs and files. */
export async function runBuild(master: Master, builder: string): Promise<Check[]> {
  const { results, steps, files = {} } = expectedBuilds[builder]!;
  const previous = await master.builds(builder);
  const sent = await master.sendChange(builder);
  const build = await master.build(builder, previous.length + 1);
  return [
    ["buildbot sendchange", sent, "change sent successfully\n"],
    ["the build", build.results, results],
    ...Object.entries(steps).flatMap(([name, [stepResults, logs = {}]]): Check[] => {
      const step = build.steps.find((candidate) => candidate.name === name);
      const texts = Object.entries(logs).map(([key, text]): Check => [`${name}: ${key}`, logText(step, key), text]);
      return [[name, step?.results, stepResults], ...texts];
    }),
    ...Object.entries(files).map(([path, expected]): Check => {
      const bytes = master.uploaded(path);
      const digest = bytes && createHash("sha256").update(bytes).digest("hex");
      return [path, typeof expected === "number" ? bytes?.length : digest, expected];
    }),
  ];
}

function logText(step: Build["steps"][number] | undefined, key: string): string | undefined {
  const [name = "", stream = ""] = key.split("/");
  const log = step?.logs[name];
  return typeof log === "object" ? log[stream] : log;
}
