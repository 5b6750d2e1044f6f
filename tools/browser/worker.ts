// Runs in a worker of a real browser: serves the contract to its page, or runs its client half.

import { connect, listen } from "@pb/web-transport";
import type { PortLike } from "@pb/web-transport";
import { allVerdicts } from "../interop/client.js";
import { brokerOptions } from "../interop/contract.js";
import type { Variant } from "../interop/contract.js";
import { contractRoot } from "../interop/server.js";

interface Order {
  readonly serve?: Variant;
  readonly run?: Variant;
}

const roots = { root: contractRoot("root"), portal: contractRoot("portal") };

const scope = globalThis as unknown as EventTarget & { postMessage(message: unknown): void };
scope.addEventListener("message", (event) => {
  const { data, ports } = event as unknown as { readonly data: Order; readonly ports: readonly PortLike[] };
  const { serve, run } = data;
  if (serve !== undefined) listen(ports[0]!, roots[serve], { broker: brokerOptions });
  if (run === undefined) return;
  const target = { variant: run, dialect: "pb" as const };
  void allVerdicts({ ...target, connect: (broker) => connect(`/${run}`, { broker }) }).then((verdicts) =>
    scope.postMessage(verdicts),
  );
});
