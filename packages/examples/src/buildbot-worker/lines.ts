// Bytes of a program's output as text, in whole lines.

/** A line that is longer is not waited for. */
const LONGEST_LINE = 64 * 1024;

export class Lines {
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  #rest = "";

  /** The lines that are complete now; what no UTF-8 is comes as U+FFFD. */
  feed(bytes: Uint8Array): string {
    const text = this.#rest + this.#decoder.decode(bytes, { stream: true });
    const end = text.length > LONGEST_LINE ? text.length : text.lastIndexOf("\n") + 1;
    this.#rest = text.slice(end);
    return text.slice(0, end);
  }

  /** What is left at the end, without a newline. */
  end(): string {
    return this.#rest + this.#decoder.decode();
  }
}
