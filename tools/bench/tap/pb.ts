// `pb` from its sources, in the bench.

import { pathToFileURL } from "node:url";
import { main } from "../../../packages/cli/src/main.js";
import { workerFile } from "../../../packages/cli/src/worker-file.js";
import { bundled } from "../../process/bundled.js";

workerFile.url = pathToFileURL(bundled("packages/cli/src/worker.ts")!);
await main();
