// Finds Twisted once per test run. Tests get the list with inject("twisteds").

import type { TestProject } from "vitest/node";
import { allTwisteds, noTwisted } from "./twisted.js";
import type { Twisted } from "./twisted.js";

declare module "vitest" {
  interface ProvidedContext {
    twisteds: Twisted[];
  }
}

export default function setup(project: TestProject): void {
  const twisteds = allTwisteds();
  if (twisteds.length === 0) console.error(noTwisted);
  project.provide("twisteds", twisteds);
}
