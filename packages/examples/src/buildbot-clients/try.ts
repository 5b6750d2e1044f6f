// Builds a patch on a Buildbot master before it is committed, and prints the result of each step:
// try.ts tcp:HOST:PORT --auth USER:PASSWORD [--names | --builder B… --diff FILE …]. Exits with 1 when a build fails.

import { Referenceable } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { login, UsernamePassword } from "@pb/cred";
import { tuple } from "@pb/jelly-types";
import type { Tuple } from "@pb/jelly-types";
import { connect } from "@pb/node-transport";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

// The objects of the master, from its own view: its objects are Referenceable, and ours are references.

interface TryPerspective {
  getAvailableBuilderNames(): string[];
  try(
    branch: string | null,
    revision: string | null,
    patch: Tuple,
    repository: string,
    project: string,
    builders: string[],
    who: string | null,
    comment: string | null,
    properties: Record<string, string>,
  ): BuildSet | null;
}
interface BuildSet extends Referenceable {
  getBuildRequests(): [builder: string, request: BuildRequest][];
}
interface BuildRequest extends Referenceable {
  subscribe(watcher: RemoteReference<Watcher>): null;
}
interface Build extends Referenceable {
  subscribe(watcher: RemoteReference<Watcher>, interval: number): null;
  waitUntilFinished(): Build;
  getResults(): number;
  getText(): string[];
}

/** The result of a build. */
interface Outcome {
  readonly builder: string;
  readonly result: number;
  readonly text: string;
}

const results = ["success", "warnings", "failure", "skipped", "exception", "retry", "cancelled"];

/** The master calls this object when a build starts, and when a step starts or finishes. */
class Watcher extends Referenceable {
  readonly #finished: (outcome: Outcome) => void;

  constructor(finished: (outcome: Outcome) => void) {
    super();
    this.#finished = finished;
  }

  async remote_newbuild(build: RemoteReference<Build>, builder: string): Promise<void> {
    void this.#follow(build, builder);
  }

  remote_stepStarted(builder: string, _build: RemoteReference<Build>, step: string): void {
    console.log(`${builder}: ${step} started`);
  }

  remote_stepFinished(builder: string, _build: RemoteReference<Build>, step: string, _eta: null, result: number): void {
    console.log(`${builder}: ${step}: ${results[result] ?? result}`);
  }

  async #follow(build: RemoteReference<Build>, builder: string): Promise<void> {
    await build.callRemote("subscribe", this, 20);
    await build.callRemote("waitUntilFinished");
    const [result, text] = await Promise.all([build.callRemote("getResults"), build.callRemote("getText")]);
    this.#finished({ builder, result, text: text.join(" ") });
  }
}

const { values } = parseArgs({
  allowPositionals: true,
  args: process.argv.slice(3),
  options: {
    auth: { type: "string", default: "tryuser:trypw" },
    names: { type: "boolean", default: false },
    builder: { type: "string", multiple: true, default: [] },
    diff: { type: "string" },
    patchlevel: { type: "string", default: "0" },
    branch: { type: "string" },
    baserev: { type: "string" },
    repository: { type: "string", default: "" },
    project: { type: "string", default: "" },
    who: { type: "string" },
    comment: { type: "string" },
    property: { type: "string", multiple: true, default: [] },
  },
});
const [user = "", password = ""] = values.auth.split(/:(.*)/s);

await using connection = await connect(process.argv[2] ?? "tcp:localhost:9989");
const master = await login<TryPerspective>(connection, new UsernamePassword(user, password));
const available = await master.callRemote("getAvailableBuilderNames");
if (values.names) {
  for (const name of available) console.log(name);
} else {
  const builders = values.builder.length > 0 ? values.builder : available;
  process.exitCode = (await tryPatch(builders)) ? 0 : 1;
}

/** Whether all builds succeed. */
async function tryPatch(builders: string[]): Promise<boolean> {
  const { branch = null, baserev = null, repository, project, who = null, comment = null } = values;
  const patch = tuple(Number(values.patchlevel), values.diff === undefined ? "" : readFileSync(values.diff, "utf8"));
  const properties = Object.fromEntries(
    values.property.map((text) => [text.replace(/=.*/s, ""), text.replace(/^[^=]*=?/, "")]),
  );
  const buildSet = await master.callRemote(
    "try",
    branch,
    baserev,
    patch,
    repository,
    project,
    builders,
    who,
    comment,
    properties,
  );
  if (buildSet === null) throw new Error(`The master does not build patches with ${builders.join(", ")}`);

  const requests = await buildSet.callRemote("getBuildRequests");
  const outcomes = requests.map(
    ([, request]) =>
      new Promise<Outcome>((resolve, reject) => {
        request.callRemote("subscribe", new Watcher(resolve)).catch(reject);
        request.notifyOnDisconnect(() => reject(new Error("The connection was lost before the build was complete")));
      }),
  );
  let succeeded = true;
  for (const { builder, result, text } of await Promise.all(outcomes)) {
    console.log(`${builder}: ${results[result] ?? result} (${text})`);
    succeeded &&= result === 0;
  }
  return succeeded;
}
