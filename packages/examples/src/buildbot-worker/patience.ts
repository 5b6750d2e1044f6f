// How long a program may be silent, and how long it may run.

export class Patience {
  readonly #silence: number | undefined;
  readonly #onOver: (why: string) => void;
  #silenceTimer: NodeJS.Timeout | undefined;
  #wholeTimer: NodeJS.Timeout | undefined;

  /** In seconds. `onOver` hears once or twice why there is no more. */
  constructor(
    { silence, whole }: { silence?: number | null | undefined; whole?: number | null | undefined },
    onOver: (why: string) => void,
  ) {
    this.#silence = silence ?? undefined;
    this.#onOver = onOver;
    if (typeof whole === "number") {
      this.#wholeTimer = setTimeout(() => onOver(`timed out: ${whole} seconds elapsed`), whole * 1000);
    }
    this.renew();
  }

  /** It was not silent. */
  renew(): void {
    if (this.#silence === undefined) return;
    clearTimeout(this.#silenceTimer);
    const why = `timed out: ${this.#silence} seconds without output`;
    this.#silenceTimer = setTimeout(() => this.#onOver(why), this.#silence * 1000);
  }

  end(): void {
    clearTimeout(this.#silenceTimer);
    clearTimeout(this.#wholeTimer);
  }
}
