// Reads the log of the object beside the nodes, and checks that there is never more than one active home.

import type { ClusterEngine } from "@pb/cluster";
import { OBJECT } from "./ticks.js";

interface Head {
  readonly kind: "home" | "snapshot" | "patch";
  readonly epoch: number;
  readonly revision: number;
  readonly since?: number;
  readonly home?: { readonly node: string; readonly run: string };
}

/** What the log says. */
export class Auditor {
  epoch = 0;
  home = "";
  revision = 0;
  records = 0;
  readonly problems: string[] = [];
  #run = "";
  #number = 0;

  static async of(engine: ClusterEngine): Promise<Auditor> {
    const auditor = new Auditor();
    await engine.follow(`live.${OBJECT}`, (record, number) => auditor.#read(record, number));
    return auditor;
  }

  #read(record: Uint8Array, number: number): void {
    const text = new TextDecoder().decode(record.subarray(0, record.indexOf(10)));
    const { kind, epoch, revision, since, home } = JSON.parse(text) as Head;
    const describe = `record ${number} (${kind}, epoch ${epoch}, revision ${revision})`;
    const after = `after epoch ${this.epoch}, revision ${this.revision} of ${this.home}`;
    if (number <= this.#number) this.problems.push(`${describe} came twice`);
    if (epoch < this.epoch) this.problems.push(`${describe}: an old home has written ${after}`);
    if (kind === "patch" && (epoch !== this.epoch || since !== this.revision))
      this.problems.push(`${describe} since ${since ?? ""} does not follow ${after}`);
    if (home !== undefined) {
      if (epoch === this.epoch && home.run !== this.#run) this.problems.push(`${describe}: two homes ${after}`);
      this.home = home.node;
      this.#run = home.run;
    }
    this.epoch = epoch;
    this.revision = revision;
    this.#number = number;
    this.records++;
  }
}
