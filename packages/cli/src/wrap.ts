// Wraps lines at the width of a terminal.

/** The line in lines of at most `columns` characters, if its words allow it. The further ones are indented. */
export function wrapLine(line: string, columns: number, indent: number): string {
  if (line.length <= columns) return line;
  const lines: string[] = [];
  let current = "";
  for (const word of line.split(/(?<=\S) (?=\S)/)) {
    if (current !== "" && current.length + 1 + word.length > columns) {
      lines.push(current);
      current = " ".repeat(Math.min(indent, columns >> 1)) + word;
    } else current += current === "" ? word : ` ${word}`;
  }
  return [...lines, current].join("\n");
}
