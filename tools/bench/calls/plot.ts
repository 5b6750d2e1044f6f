// The plot: for every work, how often faster @pb is than each of the others.

import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import type { Findings } from "./page.js";

/** What is used of the element that the library makes. */
interface SVG {
  setAttribute(name: string, value: string): void;
  readonly outerHTML: string;
}

export function plot({ rates }: Findings): string {
  const rows = rates.flatMap(({ about, rates: own }) =>
    own
      .filter(({ name }) => name !== "@pb")
      .map(({ name, ratio }) => ({ work: about.title, name, ...ratio, label: ratio.median.toPrecision(2) })),
  );
  const { document } = parseHTML("<html><body></body></html>");
  const svg = Plot.plot({
    document: document,
    width: 900,
    height: 110 + 110 * rates.length,
    marginLeft: 90,
    marginRight: 40,
    x: { type: "log", label: "how often faster @pb is (1: as fast) →", grid: true, tickFormat: "~g" },
    y: { label: null },
    fy: { label: null, axis: null, padding: 0.2 },
    marks: [
      Plot.barX(rows, { fy: "work", y: "name", x1: 1, x2: "median", fill: "name", sort: { fy: null, y: null } }),
      Plot.ruleY(rows, { fy: "work", y: "name", x1: "low", x2: "high", stroke: "black" }),
      Plot.text(rows, { fy: "work", y: "name", x: "high", text: "label", textAnchor: "start", dx: 4 }),
      Plot.ruleX([1]),
      Plot.text(rates, {
        fy: (each) => each.about.title,
        text: (each) => each.about.title,
        frameAnchor: "top-left",
        dy: -12,
        fontWeight: "bold",
      }),
    ],
  }) as unknown as SVG;
  svg.setAttribute("style", "background: white; color: black; font-family: sans-serif");
  svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  return `${svg.outerHTML}\n`;
}
