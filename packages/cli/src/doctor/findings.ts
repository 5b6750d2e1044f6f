// What `pb doctor` finds, as lines and as JSON.

import { describeFailure } from "../failure.js";
import { columnsOf, painter } from "../io.js";
import type { CliIo } from "../io.js";
import { quoted } from "../values/show-value.js";
import { wrapLine } from "../wrap.js";
import type { Protocol } from "./identify.js";

/** `ok` and `note` are no reason to act; with a `problem`, the exit status is not 0. */
type FindingStatus = "ok" | "note" | "warning" | "problem";

export interface Finding {
  readonly check: "connection" | "tls" | "protocol" | "dialect" | "latency" | "extensions" | "logins" | "login";
  readonly status: FindingStatus;
  readonly text: string;
}

const colors = { ok: "green", note: "dim", warning: "yellow", problem: "red" } as const;

/** Writes each finding when it is known, or all of them at the end with `--json`. */
export class Findings {
  readonly #io: CliIo;
  readonly #isJson: boolean;
  readonly #all: Finding[] = [];

  constructor(io: CliIo, isJson: boolean) {
    this.#io = io;
    this.#isJson = isJson;
  }

  add(check: Finding["check"], status: FindingStatus, text: string): void {
    this.#all.push({ check, status, text });
    if (this.#isJson) return;
    const { stdout, env } = this.#io;
    const head = status.padEnd(8);
    const lines = wrapLine(`${head} ${check.padEnd(10)} ${text}`, columnsOf(stdout), 20);
    stdout.write(`${painter(stdout, env)(colors[status], head)}${lines.slice(head.length)}\n`);
  }

  /** The text of a finding about an error. */
  describe(error: unknown): string {
    return describeFailure(error, this.#io.secrets);
  }

  /** With `--json`: one line, with the protocol that was found. */
  end(endpoint: string, protocol: Protocol | "none"): void {
    if (!this.#isJson) return;
    const findings = this.#all.map(
      ({ check, status, text }) => `{"check": "${check}", "status": "${status}", "text": ${quoted(text)}}`,
    );
    this.#io.stdout.write(
      `{"endpoint": ${quoted(endpoint)}, "protocol": "${protocol}", "findings": [${findings.join(", ")}]}\n`,
    );
  }
}
