#!/usr/bin/env node
import { main } from "@pb/cli";

await main();
