// Wraps lines at the width of a terminal.

/** The color sequences of `painter`, which take no place on the terminal. */
const COLOR = new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, "g");

/** The line in lines of at most `columns` characters. The further ones are indented, and long words are divided. */
export function wrapLine(line: string, columns: number, indent: number): string {
  if (line.length <= columns) return line;
  const lines: string[] = [];
  const margin = " ".repeat(Math.min(indent, columns >> 1));
  let current = "";
  for (const word of line.split(/(?<=\S) (?=\S)/)) {
    if (current !== "" && widthOf(current) + 1 + widthOf(word) > columns) {
      lines.push(current);
      current = margin + word;
    } else current += current === "" ? word : ` ${word}`;
    while (widthOf(current) > columns) {
      const end = endOf(current, columns);
      lines.push(current.slice(0, end));
      current = margin + current.slice(end);
    }
  }
  return [...lines, current].join("\n");
}

function widthOf(text: string): number {
  return text.replaceAll(COLOR, "").length;
}

/** Where `columns` characters end: neither within a color sequence nor within a character. */
function endOf(text: string, columns: number): number {
  let end = 0;
  let width = 0;
  for (const [part] of text.matchAll(PARTS)) {
    width += widthOf(part);
    if (width > columns) break;
    end += part.length;
  }
  return end;
}

const PARTS = new RegExp(`${COLOR.source}|.`, "gsu");
