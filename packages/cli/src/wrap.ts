// Wraps lines at the width of a terminal.

/** The line in lines of at most `columns` characters. The further ones are indented, and long words are divided. */
export function wrapLine(line: string, columns: number, indent: number): string {
  if (line.length <= columns) return line;
  const lines: string[] = [];
  const margin = " ".repeat(Math.min(indent, columns >> 1));
  let current = "";
  for (const word of line.split(/(?<=\S) (?=\S)/)) {
    if (current !== "" && current.length + 1 + word.length > columns) {
      lines.push(current);
      current = margin + word;
    } else current += current === "" ? word : ` ${word}`;
    while (current.length > columns) {
      lines.push(current.slice(0, columns));
      current = margin + current.slice(columns);
    }
  }
  return [...lines, current].join("\n");
}
