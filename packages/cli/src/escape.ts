// Escapes what a terminal or a reader of lines could take for something else than text.

const UNPRINTABLE = /(?![\t\n])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/**
 * Text with controls and characters that are not visible or change the direction of text as in JSON: `\u202e`. Tabs
 * and line feeds stay, so that several lines can be escaped together; JSON has none.
 */
export function escaped(text: string): string {
  return text.replace(UNPRINTABLE, (character) =>
    character
      .split("")
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
      .join(""),
  );
}
