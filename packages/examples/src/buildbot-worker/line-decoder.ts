// Decodes the output of a program into text, in complete lines.

/** Characters after which an incomplete line is returned as it is. Bounds the memory for output without newlines. */
const MAX_LINE = 64 * 1024;

export class LineDecoder {
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  #rest = "";

  /** Adds bytes and returns the lines that are now complete. Invalid UTF-8 becomes U+FFFD. */
  decode(bytes: Uint8Array): string {
    const text = this.#rest + this.#decoder.decode(bytes, { stream: true });
    const end = text.length > MAX_LINE ? text.length : text.lastIndexOf("\n") + 1;
    this.#rest = text.slice(end);
    return text.slice(0, end);
  }

  /** Returns the last line, which has no newline. */
  flush(): string {
    return this.#rest + this.#decoder.decode();
  }
}
