/** @pb with @pb/telemetry at both ends, in programs that have no SDK of OpenTelemetry. */

import { openTelemetry } from "@pb/telemetry";
import * as library from "./pb.js";
import type { Client, credentials } from "../library.js";

const options = { telemetry: openTelemetry() };

export const serve = (): Promise<number> => library.serve(options);
export const connect = (port: number, user?: typeof credentials): Promise<Client> =>
  library.connect(port, user, options);
