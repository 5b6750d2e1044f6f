// Which engine passes the tests of which package, as a table.

/** One engine: a cell for each package. */
export interface Row {
  /** With its version. */
  readonly engine: string;
  readonly cells: readonly Cell[];
}

export interface Cell {
  readonly passed: number;
  /** The names of the tests that failed, or of files that could not be loaded. */
  readonly failed: readonly string[];
}

/** The table, in Markdown. */
export function table(packages: readonly string[], rows: readonly Row[]): string {
  const lines = [
    ["", ...packages.map((name) => `@pb/${name}`)],
    ["-", ...packages.map(() => "-")],
    ...rows.map(({ engine, cells }) => [engine, ...cells.map(show)]),
  ];
  return lines.map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}

function show({ passed, failed }: Cell): string {
  return failed.length === 0 ? `${passed} pass` : `${passed} pass, **${failed.length} fail**`;
}

/** A page of documentation about a run on `date`. */
export function page(packages: readonly string[], rows: readonly Row[], date: string): string {
  return `# Other engines

The tests of the packages that are not for Node alone, in engines that are not Node; Twisted takes part in them as it does
on Node. Left out are tests of V8's counters, of the wording of V8's errors, and of logins over TLS. That the packages need
nothing of Node's at all, as in a browser, is what their \`portable\` and \`layering\` checks show. \`npm run engines\` runs it
and writes this page.

Last run: ${date}

${table(packages, rows)}`;
}
