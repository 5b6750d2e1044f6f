// Runs in a worker, a shared worker or an iframe of a real browser: serves one method.

import { Root } from "@pb/broker";
import { listen } from "@pb/web-transport";

class Echo extends Root {
  remote_echo = (value: unknown): unknown => value;
}

listen(globalThis as never, new Echo(), { origins: ["self"] });
