// Which Node works with which Twisted, as a table.

/** One Node against one Twisted. */
export interface Outcome {
  /** The version, as it names itself. */
  readonly node: string;
  readonly twisted: string;
  readonly passed: number;
  readonly total: number;
  /** What failed and should not have. */
  readonly wrong: readonly string[];
}

/** The table, in Markdown. */
export function table(outcomes: readonly Outcome[]): string {
  const nodes = [...new Set(outcomes.map(({ node }) => node))];
  const twisteds = [...new Set(outcomes.map(({ twisted }) => twisted))];
  const rows = nodes.map((node) => [`Node ${node}`, ...twisteds.map((twisted) => cell(find(node, twisted)))]);
  const lines = [["", ...twisteds.map((twisted) => `Twisted ${twisted}`)], ["-", ...twisteds.map(() => "-")], ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |\n`).join("");

  function find(node: string, twisted: string): Outcome | undefined {
    return outcomes.find((outcome) => outcome.node === node && outcome.twisted === twisted);
  }
}

function cell(outcome: Outcome | undefined): string {
  if (outcome === undefined) return "not run";
  const { passed, total, wrong } = outcome;
  return wrong.length === 0 ? `${passed} of ${total}` : `**${wrong.length} wrong** of ${total}`;
}

/** A page of documentation about a run on `date`. */
export function page(outcomes: readonly Outcome[], date: string): string {
  return `# Interop matrix

Every check of the interop contract (\`tools/interop\`): our server with Twisted's client and our client with Twisted's server,
with and without logins, in both dialects. The numbers are checks that passed; what is known to fail, and why, stands in
\`tools/interop/known-failures.json\`. \`npm run matrix\` runs it all and writes this page.

Last run: ${date}

${table(outcomes)}`;
}
