/** A bar chart as an SVG that is readable on light and dark pages. */

export interface Chart {
  readonly title: string;
  /** One value for each name. */
  readonly bars: readonly { readonly title: string; readonly values: readonly number[] }[];
}

const colors = ["#2563eb", "#d97706", "#6b7280"];
const [LEFT, WIDTH, BAR, PANEL] = [130, 330, 14, 620] as const;

/** Charts below each other. A bar of the length 1 is marked; longer ones than 4 are cut and have their number only. */
export function barChart(names: readonly string[], charts: readonly Chart[]): string {
  const parts: string[] = [];
  let y = 24;
  const text = (x: number, at: number, content: string, attributes = ""): void =>
    void parts.push(`<text x="${x}" y="${at}" ${attributes}>${content}</text>`);
  names.forEach((name, index) => {
    parts.push(`<rect x="${10 + index * 170}" y="${y - 10}" width="12" height="12" fill="${colors[index]!}"/>`);
    text(28 + index * 170, y, name);
  });
  for (const { title, bars } of charts) {
    y += 34;
    text(10, y, title, 'font-weight="bold"');
    const top = y + 6;
    for (const { title: row, values } of bars) {
      y += 10;
      text(LEFT - 8, y + (values.length * BAR) / 2 + 4, row, 'text-anchor="end"');
      values.forEach((value, index) => {
        const width = (Math.min(value, 4) / 4) * WIDTH;
        parts.push(
          `<rect x="${LEFT}" y="${y}" width="${width.toFixed(1)}" height="${BAR - 2}" fill="${colors[index]!}"/>`,
        );
        text(LEFT + width + 5, y + BAR - 4, value.toFixed(2));
        y += BAR;
      });
    }
    const one = LEFT + WIDTH / 4;
    parts.push(`<line x1="${one}" x2="${one}" y1="${top}" y2="${y}" stroke="#888" stroke-dasharray="3"/>`);
  }
  const style = "text{font:12px sans-serif;fill:#222}@media(prefers-color-scheme:dark){text{fill:#ddd}}";
  const size = `viewBox="0 0 ${PANEL} ${y + 16}" width="${PANEL}" height="${y + 16}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size}><style>${style}</style>\n${parts.join("\n")}\n</svg>\n`;
}
