// The service of bench.proto, as both sides load it. Programs are started in the repository's root.

import { loadPackageDefinition } from "@grpc/grpc-js";
import type { ServiceClientConstructor } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const loaded = loadPackageDefinition(loadSync("tools/bench/calls/contenders/grpc/bench.proto", { keepCase: true }));

export const { Bench } = loaded.bench as unknown as { Bench: ServiceClientConstructor };
